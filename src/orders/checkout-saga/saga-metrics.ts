import { Counter, Histogram } from 'prom-client';

/** Results from the provider by operation, stuck sagas, refused writes of stale workers, and late charges. */
export const sagaEvents = new Counter({
  name: 'holdfast_saga_events_total',
  help: 'What happened to sagas: provider results by operation, stuck, stale_write_refused, late_placed, late_given_back.',
  labelNames: ['event'],
});

/** Our own mistakes: the provider refuses the request itself. Any increase deserves an alarm. */
export const refusedRequests = new Counter({
  name: 'holdfast_provider_refused_requests_total',
  help: 'Requests that the provider refused as wrong (key, permission, parameter, address), by its code.',
  labelNames: ['code'],
});

/** Upper bounds of the histogram's buckets, in seconds. */
export const stepBounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5];

/** What takes time in a checkout: the provider's calls, and the commit that places the order. */
export const stepSeconds = new Histogram({
  name: 'holdfast_saga_step_seconds',
  help: 'How long a step took: the call to the provider, or the commit that placed the order.',
  labelNames: ['step'],
  buckets: stepBounds,
});
