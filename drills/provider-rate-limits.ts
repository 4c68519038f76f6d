import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { HttpClient } from '../test/support/http-client';
import { type Drill, removed } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import type { Environment } from './kit/environment';

/** Orders that are refused again and again. */
const refusedOften = 2;

export const drill: Drill = {
  name: 'provider-rate-limits',
  promise:
    'A provider that answers 429 gets fewer calls, whether it names a pause or not, and every order is still placed.',
  rows: [18, 79],
  sometimes: ['429 responses', 'calls held back', '429 responses without a pause'],
  mutants: [
    {
      name: 'pause-not-kept',
      why: 'each order calls the provider during the pause',
      guard: 'provider-pause-is-kept',
      change: removed,
    },
    {
      name: 'as-many-calls-when-busy',
      why: 'a worker makes as many calls at once as before, however many are refused',
      guard: 'fewer-calls-when-busy',
      change: (line) => line.replace("'provider_busy'", "'never'"),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres' });
    const sku = await shop.product(200);
    await withPauses(environment, shop, sku);
    await withoutPauses(environment, shop, sku);
    await shop.audit();
  },
};

async function withPauses(environment: Environment, shop: DrilledShop, sku: string): Promise<void> {
  await shop.faults({ rateLimitPerSecond: 20 });
  const purchases = await shop.buy(80, { sku, atOnce: 25 });
  await shop.converge();

  const answered = await answersOf(shop);
  environment.count('429 responses', answered.rateLimited);
  const heldBack = await shop.sagaEvents('authorize_not-asked');
  environment.count('calls held back', heldBack);
  assert.ok(heldBack > 0, 'no call was held back during the pauses');
  assert.ok(
    2 * answered.rateLimited < answered.ok,
    `${answered.rateLimited} calls above the limit for ${answered.ok} successful ones`,
  );
  const orders = await shop.ordersOf(purchases);
  assert.deepEqual(
    tally(orders, ({ status }) => status as string),
    { placed: 80 },
  );
}

/** A 429 that names no pause (P11): each worker halves its calls at once, and no order spends an attempt. */
async function withoutPauses(environment: Environment, shop: DrilledShop, sku: string): Promise<void> {
  await new HttpClient(shop.service.sandboxUrl).send('DELETE', '/sandbox/stats');
  await shop.faults({ requestsAtOnceMax: 3, latencyMs: 60 });
  const refused = await shop.buy(refusedOften, { sku, paymentMethod: 'pm_sandbox_rate_limited_bare_4' });
  const purchases = await shop.buy(40, { sku, atOnce: 40 });
  await shop.converge();

  const answered = await answersOf(shop);
  environment.count('429 responses without a pause', answered.rateLimited);
  // Four authorizations and four captures of each are refused, whatever the worker does.
  const avoidable = answered.rateLimited - refusedOften * 8;
  assert.ok(
    2 * avoidable < answered.ok,
    `${avoidable} calls beyond those in progress for ${answered.ok} successful ones`,
  );
  const orders = await shop.ordersOf([...refused, ...purchases]);
  assert.deepEqual(
    tally(orders, ({ status }) => status as string),
    { placed: 40 + refusedOften },
  );
  const [spent] = await shop.query<{ times: number; attempts: number }>(
    `SELECT count(*)::int AS times, max(attempt) AS attempts FROM saga_transitions WHERE code = 'provider_busy'`,
  );
  assert.ok(spent!.times > 0, 'no saga was refused');
  assert.ok(spent!.attempts <= 2, `refused calls spent ${spent!.attempts} attempts`);
}

const answersOf = async (shop: DrilledShop) =>
  (await new HttpClient(shop.service.sandboxUrl).get('/sandbox/stats')).body.answered;
