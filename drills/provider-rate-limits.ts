import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { HttpClient } from '../test/support/http-client';
import { type Drill, removed } from './kit/drill';

export const drill: Drill = {
  name: 'provider-rate-limits',
  promise: 'A provider that answers 429 gets fewer calls, and every order is still placed.',
  rows: [18],
  sometimes: ['429 responses', 'calls held back'],
  mutants: [
    {
      name: 'pause-not-kept',
      why: 'each order calls the provider during the pause',
      guard: 'provider-pause-is-kept',
      change: removed,
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres' });
    const sku = await shop.product(100);
    await shop.faults({ rateLimitPerSecond: 20 });
    const purchases = await shop.buy(100, { sku, atOnce: 25 });
    await shop.converge();

    const { answered } = (await new HttpClient(shop.service.sandboxUrl).get('/sandbox/stats')).body;
    environment.count('429 responses', answered.rateLimited);
    environment.count('calls held back', await shop.sagaEvents('authorize_not-asked'));
    assert.ok(
      answered.rateLimited < answered.ok,
      `${answered.rateLimited} calls above the limit for ${answered.ok} successful ones`,
    );
    assert.deepEqual(
      tally(await shop.ordersOf(purchases), ({ status }) => status as string),
      { placed: 100 },
    );
    await shop.audit();
  },
};
