import { Counter, Gauge } from 'prom-client';

/** `at`: the admission limit or the batcher where they wait. */
export const waitingRequests = new Gauge({
  name: 'holdfast_waiting_requests',
  help: 'Requests and sagas that wait for their turn to use the database.',
  labelNames: ['at'],
});

export const shedRequests = new Counter({
  name: 'holdfast_shed_requests_total',
  help: 'Requests refused because too many were waiting, or because they had waited too long.',
  labelNames: ['at'],
});

export interface WaitingLimits {
  /** For metrics. */
  name: string;
  /** Requests that may wait. The next one is refused at once with `overloaded`. */
  waitingMax: number;
  overloaded: () => Error;
}

export interface AdmissionLimitOptions extends WaitingLimits {
  /** Running at once; `lower` and `raise` move the limit between 1 and this. */
  insideMax: number;
  /** A request that has waited this long is shed: a later response would be of no use. Undefined: it waits. */
  waitMsMax?: number;
}

/**
 * Runs at most `insideMax` tasks at once; the others wait in the order of their arrival. It keeps a crowd from taking every database
 * connection, so that other requests still find one.
 */
export class AdmissionLimit {
  private inside = 0;
  /** Between 1 and `insideMax`. */
  private limit: number;
  /** In the order of their arrival. */
  private readonly queue = new Set<() => void>();

  constructor(private readonly options: AdmissionLimitOptions) {
    this.limit = options.insideMax;
  }

  /** How many more may run at once. */
  get free(): number {
    return Math.max(0, Math.floor(this.limit) - this.inside);
  }

  /** What is behind it is too busy: half as many at once. Those inside finish. */
  lower(): void {
    this.limit = Math.max(1, this.limit / 2);
  }

  /** One more at once after a whole round without trouble (additive increase, multiplicative decrease). */
  raise(): void {
    if (this.limit >= this.options.insideMax) return;
    this.limit = Math.min(this.options.insideMax, this.limit + 1 / this.limit);
    this.admit();
  }

  /** Resolves or rejects as the work does, or rejects with `overloaded` before the work started. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.hasPlace()) this.inside += 1;
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
      const giveUp = () => {
        this.forget(enter);
        shed();
      };
      const tooLate = waitMsMax === undefined ? undefined : setTimeout(giveUp, waitMsMax);
      this.queue.add(enter);
      waitingRequests.inc({ at: name });
    });
  }

  private forget(enter: () => void): void {
    this.queue.delete(enter);
    waitingRequests.dec({ at: this.options.name });
  }

  private hasPlace(): boolean {
    return this.free > 0;
  }

  private leave(): void {
    this.inside -= 1;
    this.admit();
  }

  private admit(): void {
    while (this.hasPlace()) {
      const [next] = this.queue;
      if (!next) return;
      this.inside += 1;
      next();
    }
  }
}
