import assert from 'node:assert/strict';
import { type Drill, removed } from './kit/drill';

const idleMs = 1_000;

export const drill: Drill = {
  name: 'postgres-stopped-inside-transaction',
  promise:
    'A process that hangs inside a transaction loses its locks after a few seconds, and other requests continue.',
  rows: [53],
  sometimes: ['freezes'],
  mutants: [
    {
      name: 'locks-forever',
      why: 'a transaction may stay idle without a limit',
      guard: 'idle-transaction-timeout',
      change: removed,
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({
      queue: 'postgres',
      apis: 2,
      env: { DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: String(idleMs) },
      envOf: { 'api-1': { FAILPOINT: 'intake.stock-taken:stop@1' } },
    });
    const sku = await shop.product(20);

    // It stops after it reserved its unit, with the stock row locked.
    const stopped = shop.buy(1, { sku });
    await shop.stopped('api-1');
    const by = shop.caller(1);
    const since = performance.now();
    const { status } = await shop.order({ lines: [{ sku, quantity: 1 }] }, { by });
    const waitedMs = Math.round(performance.now() - since);
    assert.deepEqual(
      { status, soon: waitedMs < idleMs + 1_500 },
      { status: 202, soon: true },
      `after ${waitedMs} ms`,
    );

    await shop.thaw('api-1');
    await stopped;
    await shop.audit();
  },
};
