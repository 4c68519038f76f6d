import assert from 'node:assert/strict';
import { inParallel } from '../test/support/shop';
import { until } from '../test/support/until';
import { type Drill, removed } from './kit/drill';
import { noSweeperForExpiry } from './kit/mutants';

const crowd = 2_000;

export const drill: Drill = {
  name: 'expiry-with-queues-off',
  promise:
    'Two thousand reservations that end in one second are on sale within five more, with every queue off and buyers at the door.',
  rows: [56, 57],
  sometimes: ['reservations expired', 'orders'],
  mutants: [
    noSweeperForExpiry,
    {
      name: 'ended-without-giving-back',
      why: 'a reservation expires, and its units stay where they are',
      guard: 'expiry-returns-stock',
      change: removed,
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'postgres', apis: 2, env: { QUEUES: 'off' } });
    const [sku, other] = [await shop.product(crowd), await shop.product(1_000)];
    await inParallel(crowd, 40, () => shop.reserved(sku, 1, { ttlSeconds: 600 }));
    const ended = `SELECT FROM reservations WHERE status = 'expired'`;
    assert.equal((await shop.query(ended)).length, 0);

    // Brings the end of all of them near, which is all that time would do.
    await shop.tamper(`UPDATE reservations SET expires_at = clock_timestamp() + interval '1 second'`);
    let waiting = true;
    const buying = (async () => {
      while (waiting) await shop.buy(5, { sku: other });
    })();
    await until('all of them are back on sale', async () => (await shop.available(sku)) === crowd);
    waiting = false;
    await buying;

    stage.count('reservations expired', (await shop.query(ended)).length);
    await shop.audit({ messages: false });
  },
};
