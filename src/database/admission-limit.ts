import { type WaitingLimits, shedRequests, waitingRequests } from './waiting';

export interface TurnstileOptions extends WaitingLimits {
  /** At work at once. */
  insideMax: number;
  /** Whoever has waited this long is sent away too: an answer that comes later is of no use. */
  waitMsMax: number;
}

/**
 * Lets so many work at once, and the others wait in the order in which they came. It keeps a crowd from taking every
 * connection that there is, so that those who want something else of the database still find one.
 */
export class Turnstile {
  private inside = 0;
  /** In the order of their arrival. */
  private readonly queue = new Set<() => void>();

  constructor(private readonly options: TurnstileOptions) {}

  /** Resolves or rejects as the work does, or rejects with `overloaded` before it was begun. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.inside < this.options.insideMax) this.inside += 1;
    else await this.turn();
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** Resolves when somebody who leaves has left their place to us. */
  private turn(): Promise<void> {
    const { name, waitingMax, waitMsMax, overloaded } = this.options;
    return new Promise((resolve, reject) => {
      const shed = () => {
        shedRequests.inc({ at: name });
        reject(overloaded());
      };
      if (this.queue.size >= waitingMax) return shed();
      const enter = () => {
        clearTimeout(tooLate);
        this.forget(enter);
        resolve();
      };
      const tooLate = setTimeout(() => {
        this.forget(enter);
        shed();
      }, waitMsMax);
      this.queue.add(enter);
      waitingRequests.inc({ at: name });
    });
  }

  private forget(enter: () => void): void {
    this.queue.delete(enter);
    waitingRequests.dec({ at: this.options.name });
  }

  private leave(): void {
    const [next] = this.queue;
    if (next) next();
    else this.inside -= 1;
  }
}
