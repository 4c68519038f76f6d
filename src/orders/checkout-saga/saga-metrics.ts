import { Counter, Histogram } from 'prom-client';

/**
 * Answers of the provider by kind, stuck sagas, writes refused to a worker whose lease had gone to another, charges that
 * turned up for orders given up.
 */
export const sagaEvents = new Counter({
  name: 'holdfast_saga_events_total',
  help: 'What happened to sagas: provider answers by operation, stuck, stale_write_refused, late_placed, late_given_back.',
  labelNames: ['event'],
});

/** Upper bounds of the times that are told apart, in seconds. */
export const stepBounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5];

/** What takes time in a checkout: the provider's answers, and the commit in which an order is placed. */
export const stepSeconds = new Histogram({
  name: 'holdfast_saga_step_seconds',
  help: 'How long a step took: the provider’s answer, or the commit in which an order was placed.',
  labelNames: ['step'],
  buckets: stepBounds,
});
