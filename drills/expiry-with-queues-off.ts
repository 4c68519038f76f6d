import assert from 'node:assert/strict';
import { inParallel } from '../test/support/shop';
import { until } from '../test/support/until';
import { type Drill, removed } from './kit/drill';
import { noSweeperForExpiry } from './kit/mutants';

export const drill: Drill = {
  name: 'expiry-with-queues-off',
  promise:
    'Two thousand reservations that expire in one second are back on sale, with all queues off and buyers active.',
  rows: [56, 57],
  sometimes: ['reservations expired', 'orders'],
  mutants: [
    noSweeperForExpiry,
    {
      name: 'expired-without-returning-stock',
      why: 'a reservation expires without returning its units to stock',
      guard: 'expiry-returns-stock',
      change: removed,
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', apis: 2, env: { QUEUES: 'off' } });
    // Without its guard, not even one of them is back on sale.
    const crowd = environment.mutant ? 50 : 2_000;
    const [sku, other] = [await shop.product(crowd), await shop.product(1_000)];
    await inParallel(crowd, 40, () => shop.reserved(sku, 1, { ttlSeconds: 600 }));
    const ended = `SELECT FROM reservations WHERE status = 'expired'`;
    assert.equal((await shop.query(ended)).length, 0);

    // Moves the expiry of all of them close, instead of waiting.
    await shop.tamper(`UPDATE reservations SET expires_at = clock_timestamp() + interval '1 second'`);
    let waiting = true;
    const buying = (async () => {
      while (waiting) {
        await shop.buy(5, { sku: other });
        await environment.pause(100, 300);
      }
    })();
    await until('all of them are back on sale', async () => (await shop.available(sku)) === crowd);
    waiting = false;
    await buying;

    environment.count('reservations expired', (await shop.query(ended)).length);
    await shop.audit({ messages: false });
  },
};
