import assert from 'node:assert/strict';
import { type Drill, removed } from './kit/drill';

const idleMs = 1_000;

export const drill: Drill = {
  name: 'postgres-stopped-inside-transaction',
  promise:
    'A process that stops inside a transaction keeps its locks for a moment, and then the others go on.',
  rows: [53],
  sometimes: ['freezes'],
  mutants: [
    {
      name: 'locks-for-ever',
      why: 'a transaction may idle as long as it likes',
      guard: 'idle-transaction-timeout',
      change: removed,
      also: [{ guard: 'idle-transaction-timeout-checked', change: removed }],
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({
      queue: 'postgres',
      apis: 2,
      env: { DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: String(idleMs) },
      envOf: { 'api-1': { FAILPOINT: 'intake.stock-taken:stop@1' } },
    });
    const sku = await shop.product(20);

    // It has taken its unit, holds the stock's row, and is stopped there.
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
