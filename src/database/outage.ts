/** Between two looks at a database that is away: a small part of a switchover, and few connections for a server that starts. */
const lookEveryMs = 100;

/**
 * While the database is away, work waits for it instead of failing: a planned switchover takes some seconds. Only for a
 * limited time since the outage began, so that nobody waits in vain during a longer one.
 *
 * However many wait, one looks.
 */
export class Outage {
  /** By `performance.now()`; undefined while there is none. */
  private since: number | undefined;
  private looking: Promise<void> | undefined;
  /** Reads are answered meanwhile. */
  private refusesWrites = false;

  constructor(
    private readonly waitMs: number,
    /** Whether the database takes writes. */
    private readonly look: () => Promise<boolean>,
  ) {}

  get isOn(): boolean {
    return this.since !== undefined;
  }

  answered(): void {
    if (!this.refusesWrites) this.since = undefined;
  }

  wrote(): void {
    this.refusesWrites = false;
    this.since = undefined;
  }

  /** Resolves to true as soon as the database is back, and to false when what began at `startedAt` has waited enough. */
  async isOver(startedAt: number, refusesWrites: boolean): Promise<boolean> {
    this.since ??= performance.now();
    this.refusesWrites ||= refusesWrites;
    while (this.since !== undefined && performance.now() - Math.min(this.since, startedAt) < this.waitMs)
      await (this.looking ??= this.lookOnce());
    return this.since === undefined;
  }

  private async lookOnce(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    const isBack = await this.look().catch(() => false);
    this.looking = undefined;
    if (isBack) this.wrote();
  }
}
