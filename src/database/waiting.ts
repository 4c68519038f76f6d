import { Counter, Gauge } from 'prom-client';

/**
 * Requests that wait for their turn to use the database, and those that were sent away because too many did: by where they
 * wait, which is a batcher or the turnstile.
 */
export const waitingRequests = new Gauge({
  name: 'holdfast_waiting_requests',
  help: 'Requests that wait for their turn to take stock.',
  labelNames: ['at'],
});

export const shedRequests = new Counter({
  name: 'holdfast_shed_requests_total',
  help: 'Requests that were sent away because too many were waiting, or because they had waited too long.',
  labelNames: ['at'],
});

/** How long a queue may get before the next one is better told to come back. */
export interface WaitingLimits {
  /** For metrics. */
  name: string;
  /** Requests that may wait. The next one is refused at once, by this error, rather than waiting for nothing. */
  waitingMax: number;
  overloaded: () => Error;
}
