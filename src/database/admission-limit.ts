import { type WaitingLimits, shedRequests, waitingRequests } from './waiting';

export interface AdmissionLimitOptions extends WaitingLimits {
  /** Running at once. */
  insideMax: number;
  /** A request that has waited this long is shed: a later response would be of no use. */
  waitMsMax: number;
}

/**
 * Runs so many works at once; the others wait in the order of their arrival. It keeps a crowd from taking every database
 * connection, so that other requests still find one.
 */
export class AdmissionLimit {
  private inside = 0;
  /** In the order of their arrival. */
  private readonly queue = new Set<() => void>();

  constructor(private readonly options: AdmissionLimitOptions) {}

  /** Resolves or rejects as the work does, or rejects with `overloaded` before the work started. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.inside < this.options.insideMax) this.inside += 1;
    else await this.place();
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** Resolves when a work that ended has left its place to this one. */
  private place(): Promise<void> {
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
