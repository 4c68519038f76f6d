import { outsideRequests } from '../../logger';

/** A value that takes long is computed less often: computing takes at most this share of the time. */
const shareMaxDefault = 0.05;

/** A value computed once for all its readers: at most once a second, less often if it takes long, and only on demand. */
export class OncePerSecond<T> {
  private value: Promise<T> | undefined;
  private known: { value: T } | undefined;
  private goodUntil = 0;

  constructor(
    private readonly compute: () => Promise<T>,
    private readonly shareMax = shareMaxDefault,
  ) {}

  get(): Promise<T> {
    if (this.value && performance.now() < this.goodUntil) return this.value;
    const startedAt = performance.now();
    // Nobody else computes it at the same time.
    this.goodUntil = Infinity;
    const value = outsideRequests(() => this.compute());
    this.value = value;
    value.then(
      (computed) => {
        this.known = { value: computed };
        const tookMs = performance.now() - startedAt;
        this.goodUntil = startedAt + Math.max(freshMs, tookMs / this.shareMax);
      },
      // Those who waited get the failure, and the next reader tries again.
      () => (this.goodUntil = 0),
    );
    return value;
  }

  /** Like `get`, but returns an older value, if there is one, after this time. */
  async soon(withinMs: number): Promise<T> {
    const value = this.get();
    const { known } = this;
    if (!known) return value;
    let timer: NodeJS.Timeout | undefined;
    const older = new Promise<T>((resolve) => (timer = setTimeout(() => resolve(known.value), withinMs)));
    return Promise.race([value, older]).finally(() => clearTimeout(timer));
  }
}

/** A little less than a second: a reader that comes every second must get a new value. */
const freshMs = 900;
