/**
 * Lets at most so many calls through in any second, wherever that second begins. A call turned away does
 * not count, so whoever comes back after the second of `Retry-After` finds room that the crowd has not used up.
 */
export class RateLimit {
  /** When the latest calls were let in, going round; the slot to write next holds the oldest of them. */
  private readonly admittedAt: number[];
  private next = 0;

  constructor(perSecond: number) {
    this.admittedAt = new Array<number>(perSecond).fill(-Infinity);
  }

  /** The time is the caller's, in milliseconds of a clock that never goes back. */
  admits(nowMs: number): boolean {
    if (nowMs - this.admittedAt[this.next]! < 1_000) return false;
    this.admittedAt[this.next] = nowMs;
    this.next = (this.next + 1) % this.admittedAt.length;
    return true;
  }
}
