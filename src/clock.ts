/**
 * The database's clock, as this process last heard it, carried on by a clock that nobody can set. For the time in an id,
 * and for what is only shown; whatever is decided asks the database itself. Until it is heard for the first time it is the
 * process's own.
 */
let aheadMs = Date.now() - performance.now();

/** What an answer takes to come; a smaller difference says nothing. */
const precisionMs = 100;

/** The database has just said what time it is. */
export function hearClock(now: Date): void {
  const heard = now.getTime() - performance.now();
  if (Math.abs(heard - aheadMs) > precisionMs) aheadMs = heard;
}

/** Milliseconds since the Unix epoch. */
export function clockMs(): number {
  return Math.floor(performance.now() + aheadMs);
}
