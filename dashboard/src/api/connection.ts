/**
 * The states that the connection to the service can be in, as plain data; what a state looks like is the shell's
 * business.
 *
 * - `live`: a message came within the last 3 s.
 * - `late`: none for 3 s; nothing is known to be wrong yet.
 * - `lost`: none for 15 s, or the stream broke; numbers are old and acts are off.
 * - `back`: after `lost`, for 5 s, so that it is seen how much was missed.
 */
export type Phase = 'connecting' | 'live' | 'late' | 'lost' | 'back';

export interface Connection {
  phase: Phase;
  /** performance.now() of the last message; null before the first. */
  heardAt: number | null;
  /** Date.now() of the same, to be read as a time of day. */
  heardClock: number | null;
  /** performance.now() at which the next try is made; null while none is planned. */
  nextTryAt: number | null;
  /** How long it was away, in seconds, while `back`. */
  missedSeconds: number;
}

export const LATE_AFTER_MS = 3000;
export const LOST_AFTER_MS = 15_000;
export const BACK_FOR_MS = 5000;

const RETRIES_MS = [1000, 2000, 5000, 10_000, 15_000];

/** After 1, 2, 5, 10, then every 15 s, a fifth more or less, so that many pages do not come back in one moment. */
export function retryDelay(failures: number, random = Math.random()): number {
  const base = RETRIES_MS[Math.min(failures, RETRIES_MS.length - 1)]!;
  return base * (0.8 + 0.4 * random);
}

/** Whether acts may be sent: what is on the screen is what is so. */
export const isCurrent = ({ phase }: Connection): boolean =>
  phase === 'live' || phase === 'late' || phase === 'back';
