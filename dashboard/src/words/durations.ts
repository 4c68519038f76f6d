import { count, NBSP } from './numbers';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "212 ms", "24.8 s", "14 min", "2 h 5 min", "3 days". */
export function duration(ms: number): string {
  return spelled(ms, 1);
}

/** The same for timelines, where 24.12 s and 24.13 s are two moments. */
export function fineDuration(ms: number): string {
  return spelled(ms, 2);
}

function spelled(ms: number, decimals: number): string {
  if (ms <= 0) return '0';
  if (ms < SECOND) return `${ms < 9.95 && ms % 1 !== 0 ? ms.toFixed(1) : count(ms)}${NBSP}ms`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(decimals)}${NBSP}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}${NBSP}min`;
  if (ms < DAY) {
    const minutes = Math.floor((ms % HOUR) / MINUTE);
    const hours = `${Math.floor(ms / HOUR)}${NBSP}h`;
    return minutes === 0 ? hours : `${hours} ${minutes}${NBSP}min`;
  }
  const days = Math.floor(ms / DAY);
  return days === 1 ? '1 day' : `${count(days)} days`;
}

/** A duration that the service gives in seconds. */
export function seconds(value: number): string {
  return duration(value * SECOND);
}

/** An age that counts on by whole seconds: "8 s", and a tenth only while it is fresh. */
export function age(value: number): string {
  if (value < 9.95) return `${Math.max(0, value).toFixed(1)}${NBSP}s`;
  return value < 60 ? `${Math.round(value)}${NBSP}s` : seconds(value);
}

/** "1 min 12 s": how long something was away. */
export function away(value: number): string {
  const whole = Math.max(1, Math.round(value));
  if (whole < 60) return `${whole}${NBSP}s`;
  const rest = whole % 60;
  const minutes = `${Math.floor(whole / 60)}${NBSP}min`;
  if (whole >= 3600) return seconds(whole);
  return rest === 0 ? minutes : `${minutes} ${rest}${NBSP}s`;
}

/** "m:ss", and "h:mm:ss" from an hour on: time that is left. */
export function left(value: number): string {
  const whole = Math.max(0, Math.ceil(value));
  const two = (part: number): string => String(part).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  if (whole < 3600) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(whole / 3600)}:${two(minutes % 60)}:${two(whole % 60)}`;
}
