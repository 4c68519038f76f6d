import { useSyncExternalStore } from 'react';
import { readSetting, writeSetting } from '../browser/stored-settings';

/** Time zone are local unless the user chooses UTC, for example to compare with a provider's log. */
export type TimeZone = 'local' | 'utc';

const listeners = new Set<() => void>();
let zone: TimeZone = readSetting('zone') === 'utc' ? 'utc' : 'local';

export function setTimeZone(next: TimeZone): void {
  zone = next;
  writeSetting('zone', next);
  for (const listener of listeners) listener();
}

/** Rerenders when the time zone is switched. */
export function useTimeZone(): TimeZone {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => zone,
  );
}

const two = (part: number): string => String(part).padStart(2, '0');
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The parts of an instant in the selected time zone. */
function partsOf(at: Date) {
  const utc = zone === 'utc';
  return {
    year: utc ? at.getUTCFullYear() : at.getFullYear(),
    month: utc ? at.getUTCMonth() : at.getMonth(),
    day: utc ? at.getUTCDate() : at.getDate(),
    hours: utc ? at.getUTCHours() : at.getHours(),
    minutes: utc ? at.getUTCMinutes() : at.getMinutes(),
    seconds: utc ? at.getUTCSeconds() : at.getSeconds(),
    ms: at.getMilliseconds(),
  };
}

/** "14:02:11", or "17 Nov 14:02" on another day. */
export function formatTime(at: string | number | Date): string {
  const then = partsOf(new Date(at));
  const today = partsOf(new Date());
  const time = `${two(then.hours)}:${two(then.minutes)}`;
  if (then.year !== today.year) return `${then.day} ${months[then.month]} ${then.year}`;
  if (then.month !== today.month || then.day !== today.day)
    return `${then.day} ${months[then.month]} ${time}`;
  return `${time}:${two(then.seconds)}`;
}

/** "14:02:11.408", where two things happen in one second. */
export function formatTimeMs(at: string | number | Date): string {
  const then = partsOf(new Date(at));
  return `${two(then.hours)}:${two(then.minutes)}:${two(then.seconds)}.${String(then.ms).padStart(3, '0')}`;
}

/** The exact instant, for the title attribute. */
export const formatInstant = (at: string | number | Date): string => new Date(at).toISOString();
