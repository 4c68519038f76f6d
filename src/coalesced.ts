/**
 * Work that is too expensive to run once per caller. At most one run is in flight; those who ask during it share the
 * next one, so that everybody's result is from after they asked.
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
      // With a next one waiting it stays, so that nobody slips in between the two.
      if (!this.next) this.current = undefined;
    });
    this.current = run;
    return run;
  }
}
