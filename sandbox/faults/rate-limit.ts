/**
 * Admits at most `perSecond` requests in any second (a sliding window). Refused requests do not count, so a client that
 * retries after the second of `Retry-After` is not blocked by the refusals of others.
 */
export class RateLimit {
  /** A ring of the times of the latest admissions; the next slot holds the oldest of them. */
  private readonly admittedAt: number[];
  private next = 0;

  constructor(perSecond: number) {
    this.admittedAt = new Array<number>(perSecond).fill(-Infinity);
  }

  /** `nowMs`: of a monotonic clock. */
  admits(nowMs: number): boolean {
    if (nowMs - this.admittedAt[this.next]! < 1_000) return false;
    this.admittedAt[this.next] = nowMs;
    this.next = (this.next + 1) % this.admittedAt.length;
    return true;
  }
}
