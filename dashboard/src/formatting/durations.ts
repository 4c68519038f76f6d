import { formatCount, NBSP } from './numbers';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "212 ms", "24.8 s", "2 min 32 s", "2 h 5 min", "3 days": as the service writes it in an order's story. */
export function formatDuration(ms: number): string {
  return spelled(ms, 1);
}

/** With two decimals, for timelines, where 24.12 s and 24.13 s differ. */
export function formatFineDuration(ms: number): string {
  return spelled(ms, 2);
}

function spelled(ms: number, decimals: number): string {
  if (ms <= 0) return '0';
  if (ms < SECOND) return `${ms < 9.95 && ms % 1 !== 0 ? ms.toFixed(1) : formatCount(ms)}${NBSP}ms`;
  if (ms < MINUTE - SECOND / 20) return `${(ms / SECOND).toFixed(decimals)}${NBSP}s`;
  const whole = Math.round(ms / SECOND) * SECOND;
  if (whole < HOUR) return inTwo([whole, MINUTE, 'min'], [SECOND, 's']);
  if (whole < DAY) return inTwo([whole, HOUR, 'h'], [MINUTE, 'min']);
  const days = Math.floor(whole / DAY);
  return days === 1 ? '1 day' : `${formatCount(days)} days`;
}

function inTwo([ms, unit, name]: [number, number, string], [part, partName]: [number, string]): string {
  const rest = Math.floor((ms % unit) / part);
  const first = `${Math.floor(ms / unit)}${NBSP}${name}`;
  return rest === 0 ? first : `${first} ${rest}${NBSP}${partName}`;
}

/** The same for a duration in seconds. */
export function formatSeconds(value: number): string {
  return formatDuration(value * SECOND);
}

/** An age: "8.2 s" below ten seconds, whole seconds below a minute, whole minutes above. */
export function formatAge(value: number): string {
  if (value < 9.95) return `${Math.max(0, value).toFixed(1)}${NBSP}s`;
  return value < 59.5
    ? `${Math.round(value)}${NBSP}s`
    : formatDuration(Math.floor(Math.round(value) / 60) * MINUTE);
}

/** "1 min 12 s": a duration in whole seconds. */
export function formatWholeSeconds(value: number): string {
  const whole = Math.max(1, Math.round(value));
  return whole < 60 ? `${whole}${NBSP}s` : formatSeconds(whole);
}

/** Time left: "m:ss", and "h:mm:ss" from an hour on. */
export function formatTimeLeft(value: number): string {
  const whole = Math.max(0, Math.ceil(value));
  const two = (part: number): string => String(part).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (whole < 3600) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(whole / 3600)}:${two(minutes % 60)}:${two(whole % 60)}`;
}
