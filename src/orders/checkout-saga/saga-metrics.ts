import { Counter } from 'prom-client';

/**
 * Answers of the provider by kind, stuck sagas, writes refused to a worker whose lease had gone to another, charges that
 * turned up for orders given up.
 */
export const sagaEvents = new Counter({
  name: 'holdfast_saga_events_total',
  help: 'What happened to sagas: provider answers by operation, stuck, stale_write_refused, late_placed, late_given_back.',
  labelNames: ['event'],
});
