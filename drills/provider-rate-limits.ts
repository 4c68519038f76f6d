import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { HttpClient } from '../test/support/http-client';
import { type Drill, removed } from './kit/drill';

export const drill: Drill = {
  name: 'provider-rate-limits',
  promise:
    'A provider that asks for fewer calls is sent fewer calls, and every order is placed all the same.',
  rows: [18],
  sometimes: ['told to slow down', 'calls held back'],
  mutants: [
    {
      name: 'pause-not-kept',
      why: 'each order hears for itself that it asked too early',
      guard: 'provider-pause-is-kept',
      change: removed,
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'postgres' });
    const sku = await shop.product(100);
    await shop.faults({ rateLimitPerSecond: 20 });
    const purchases = await shop.buy(100, { sku, atOnce: 25 });
    await shop.converge();

    const { answered } = (await new HttpClient(shop.service.sandboxUrl).get('/sandbox/stats')).body;
    stage.count('told to slow down', answered.rateLimited);
    stage.count('calls held back', await shop.sagaEvents('authorize_not-asked'));
    assert.ok(
      answered.rateLimited < answered.ok,
      `${answered.rateLimited} calls too many for ${answered.ok} that were taken`,
    );
    assert.deepEqual(
      tally(await shop.ordersOf(purchases), ({ status }) => status as string),
      { placed: 100 },
    );
    await shop.audit();
  },
};
