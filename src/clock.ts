/**
 * The database's clock as this process last read it, continued by a monotonic clock; until the first reading, the process's
 * own clock. For the time in ids and for display only. Decisions ask the database.
 */
let aheadMs = Date.now() - performance.now();

/** About what a round trip takes. A smaller difference means nothing. */
const precisionMs = 100;

/** Call it with each time that the database returns. */
export function hearClock(now: Date): void {
  const heard = now.getTime() - performance.now();
  if (Math.abs(heard - aheadMs) > precisionMs) aheadMs = heard;
}

/** Milliseconds since the Unix epoch. */
export function clockMs(): number {
  return Math.floor(performance.now() + aheadMs);
}
