/**
 * The states of the connection to the service, as plain data. The shell renders them.
 *
 * - `live`: a message came within the last 3 s.
 * - `late`: no message for 3 s.
 * - `lost`: no message for 15 s, or the stream broke; numbers are old and actions are disabled.
 * - `back`: for 5 s after `lost`, to show how long the gap was.
 */
export type Phase = 'connecting' | 'live' | 'late' | 'lost' | 'back';

export interface Connection {
  phase: Phase;
  /** performance.now() of the last message; null before the first. */
  heardAt: number | null;
  /** The same as Date.now(), to show as a time of day. */
  heardClock: number | null;
  /** performance.now() of the next connection attempt; null when none is planned. */
  nextTryAt: number | null;
  /** Length of the gap in seconds, while `back`. */
  missedSeconds: number;
}

export const LATE_AFTER_MS = 3000;
export const LOST_AFTER_MS = 15_000;
export const BACK_FOR_MS = 5000;

const RETRIES_MS = [1000, 2000, 5000, 10_000, 15_000];

/** After 1, 2, 5, 10, then every 15 s, plus or minus a fifth, so that many pages do not reconnect at the same moment. */
export function retryDelay(failures: number, random = Math.random()): number {
  const base = RETRIES_MS[Math.min(failures, RETRIES_MS.length - 1)]!;
  return base * (0.8 + 0.4 * random);
}

/** Whether the numbers on the screen are current; if not, actions are disabled. */
export const isUpToDate = ({ phase }: Connection): boolean =>
  phase === 'live' || phase === 'late' || phase === 'back';
