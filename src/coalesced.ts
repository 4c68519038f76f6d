/**
 * Shares expensive work among callers. At most one run is in flight; callers that arrive during it share the next one, so
 * every result is from after its call.
 */
export class Coalesced<T> {
  private current: Promise<T> | undefined;
  private next: Promise<T> | undefined;

  constructor(private readonly work: () => Promise<T>) {}

  run(): Promise<T> {
    if (!this.current) return this.begin();
    this.next ??= this.current
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        return this.begin();
      });
    return this.next;
  }

  private begin(): Promise<T> {
    const run = this.work().finally(() => {
      // With a next run waiting it stays set, so that no other run starts in between.
      if (!this.next) this.current = undefined;
    });
    this.current = run;
    return run;
  }
}
