/** Timers that can all be cancelled, so that a closing sandbox neither waits for them nor lets one fire late. */
export class Delays {
  private readonly timers = new Set<NodeJS.Timeout>();
  private isClosed = false;

  run(ms: number, action: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, ms);
    if (this.isClosed) clearTimeout(timer);
    else this.timers.add(timer);
    return timer;
  }

  cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.timers.delete(timer);
  }

  /** Never settles once closed. */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.run(ms, resolve);
    });
  }

  close(): void {
    this.isClosed = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }
}
