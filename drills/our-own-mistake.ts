import assert from 'node:assert/strict';
import { HttpClient } from '../test/support/http-client';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Purchase } from './kit/client-log';
import type { Drill, Patch } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';

/** May read and not charge. */
const readingKey = 'rk_test_reading';
const rightKey = 'sk_test_holdfast_sandbox';

const wrongParameter: Patch = {
  guard: 'cards-only',
  change: (line) => line.replace('allowed_payment_method_types', 'payment_method_types'),
};

export const drill: Drill = {
  name: 'our-own-mistake',
  promise:
    'While a wrong key, permission or parameter of ours is refused, no buyer gets "payment declined", and every order goes on after the fix.',
  rows: [77],
  sometimes: ['orders stuck by a wrong key', 'orders stuck by a permission', 'orders stuck by a parameter'],
  patches: [wrongParameter],
  mutants: [
    {
      name: 'our-mistake-is-a-decline',
      why: 'a request that the provider refuses counts as declined',
      guard: 'our-mistake-is-no-decline',
      change: (line) => line.replace("'misused'", "'declined'"),
    },
  ],

  run: async (environment) => {
    const wrong = environment.build('wrong', [wrongParameter]);
    const shop = await environment.open({ queue: 'postgres', dist: wrong });
    const sku = await shop.product(100);
    const permissions = ['rak_payment_intent_read', 'rak_charge_read'];
    const restricted = { key: readingKey, permissions };
    await new HttpClient(shop.service.sandboxUrl).post('/sandbox/restricted-keys', restricted);
    const byParameter = await shop.buy(4, { sku });
    await refused(shop, byParameter, '400');
    environment.count('orders stuck by a parameter', byParameter.length);
    await shop.terminate('worker-1');

    const key = { STRIPE_SECRET_KEY: 'sk_test_expired' };
    const worker = await shop.service.launch('worker', { dist: environment.dist, env: key });
    const byKey = await shop.buy(4, { sku });
    await refused(shop, byKey, '401');
    environment.count('orders stuck by a wrong key', byKey.length);
    await shop.service.restart(worker, { STRIPE_SECRET_KEY: readingKey });
    const byPermission = await shop.buy(4, { sku });
    await refused(shop, byPermission, '403');
    environment.count('orders stuck by a permission', byPermission.length);

    // A key is replaced without touching the orders, so they go on by themselves.
    await shop.service.restart(worker, { STRIPE_SECRET_KEY: rightKey });
    await until('they are placed', async () => {
      await shop.tamper(
        `UPDATE sagas SET next_run_at = clock_timestamp() WHERE status = 'stuck' AND next_run_at > clock_timestamp()`,
      );
      return (await endsOf(shop, [...byKey, ...byPermission])).placed === 8;
    });
    for (const { orderIds } of byParameter) {
      const path = `/v1/admin/orders/${[...orderIds][0]}/saga/retry`;
      const { status, text } = await shop.admin.post(path, { reason: 'the build is fixed' });
      assert.equal(status, 200, text);
    }
    await shop.converge();
    assert.deepEqual(await endsOf(shop, byParameter), { placed: 4 });
    await shop.audit();
  },
};

/** All are stuck with the provider's status, and their buyers are asked to wait. */
async function refused(shop: DrilledShop, purchases: Purchase[], status: string): Promise<void> {
  const codes = async () =>
    tally(
      await shop.query<{ code: string; status: string }>(
        `SELECT t.code, t.data->>'httpStatus' AS status FROM sagas s
           JOIN saga_transitions t ON t.order_id = s.order_id AND t.to_status = 'stuck'
           JOIN orders o ON o.id = s.order_id
          WHERE s.status = 'stuck' AND o.customer_id = ANY ($1) AND t.data->>'httpStatus' = $2`,
        [purchases.map(({ customerId }) => customerId), status],
      ),
      ({ code, status: said }) => `${code} ${said}`,
    );
  await until(`their requests are refused with ${status}`, async () => {
    const ends = await endsOf(shop, purchases);
    return (await codes())[`request_refused ${status}`] === purchases.length || ends.rejected;
  });
  assert.deepEqual(await endsOf(shop, purchases), { pending: purchases.length });
  const answers = await Promise.all(purchases.map((purchase, nth) => shop.ask(purchase, nth)));
  assert.deepEqual(
    tally(answers, ({ status: said }) => said),
    { 202: purchases.length },
  );
}

const endsOf = async (shop: DrilledShop, purchases: Purchase[]) =>
  tally(await shop.ordersOf(purchases), ({ status }) => status as string);
