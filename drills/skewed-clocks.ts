import assert from 'node:assert/strict';
import path from 'node:path';
import { until } from '../test/support/until';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';

const fiveMinutesMs = 300_000;

/** A process whose clock is wrong. */
const skewed = (ms: number) => ({
  NODE_OPTIONS: `--require=${path.join(__dirname, 'kit', 'skewed-clock.cjs')}`,
  CLOCK_SKEW_MS: String(ms),
});

export const drill: Drill = {
  name: 'skewed-clocks',
  promise: 'With an API five minutes behind and a worker five minutes ahead, time is what the database says.',
  rows: [47],
  sometimes: ['reservations expired'],
  mutants: [
    {
      name: 'expired-by-the-workers-clock',
      why: 'whoever ends reservations looks at a clock of its own',
      file: 'inventory/reservations.repository.js',
      find: "       WHERE r.status = 'active' AND r.expires_at <= statement_timestamp()\n       ORDER BY r.expires_at",
      replace:
        "       WHERE r.status = 'active' AND r.expires_at <= '${new Date().toISOString()}'::timestamptz\n       ORDER BY r.expires_at",
    },
    {
      name: 'retried-by-the-workers-clock',
      why: 'when a saga is due again is counted from a clock of the worker’s own',
      file: 'orders/checkout-saga/turn.js',
      find: 'return new Date(this.saga.now.getTime() + pauseMs);',
      replace: 'return new Date(Date.now() + pauseMs);',
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({
      queue: 'postgres',
      envOf: { 'api-1': skewed(-fiveMinutesMs), 'worker-1': skewed(fiveMinutesMs) },
    });
    const sku = await shop.product(20);
    const [short, long] = [
      await shop.reserved(sku, 3, { ttlSeconds: 2 }),
      await shop.reserved(sku, 4, { ttlSeconds: 60 }),
    ];
    await businessAsUsual(shop);

    const statusOf = async ({ id }: { id: string }) =>
      (await shop.client.get(`/v1/reservations/${id}`)).body.status as string;
    await until('the short one has expired', async () => (await statusOf(short)) === 'expired');
    assert.equal(await statusOf(long), 'active');
    stage.count('reservations expired', 1);

    // Not hurried: it is the pause itself that must be counted by the right clock.
    const told = await shop.buyToTheEnd(2, { sku, paymentMethod: 'pm_sandbox_timeout_before_commit' });
    assert.deepEqual(told, { placed: 2 });
    await shop.audit();
  },
};
