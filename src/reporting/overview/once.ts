import { outsideRequests } from '../../logger';

/** What takes long is computed less often, so that looking takes at most this share of the time. */
const shareMaxDefault = 0.05;

/**
 * A value that many look at and that is computed once for all of them: at most once a second, less often where that takes
 * long, and only while somebody looks.
 */
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
    // Nobody else begins while this one is at it.
    this.goodUntil = Infinity;
    const value = outsideRequests(() => this.compute());
    this.value = value;
    value.then(
      (computed) => {
        this.known = { value: computed };
        const tookMs = performance.now() - startedAt;
        this.goodUntil = startedAt + Math.max(freshMs, tookMs / this.shareMax);
      },
      // A failure is told to those who waited for it, and the next to come tries anew.
      () => (this.goodUntil = 0),
    );
    return value;
  }

  /** The same, but not waited for longer than this where an older one is known. */
  async soon(withinMs: number): Promise<T> {
    const value = this.get();
    const { known } = this;
    if (!known) return value;
    let timer: NodeJS.Timeout | undefined;
    const older = new Promise<T>((resolve) => (timer = setTimeout(() => resolve(known.value), withinMs)));
    return Promise.race([value, older]).finally(() => clearTimeout(timer));
  }
}

/** A little less than a second: whoever comes every second must not find the value of the last time. */
const freshMs = 900;
