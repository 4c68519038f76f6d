import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import type { Purchase } from './kit/client-log';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { reach } from './kit/reach';

/** The order is given up long before the provider charges it. */
const late = 'pm_sandbox_late_commit_4000';
const env = { PAYMENT_TIMEOUT_MS: '400' };

export const drill: Drill = {
  name: 'late-success',
  promise:
    'A charge that turns up for an abandoned order places it if its stock is still free, or is refunded.',
  rows: [15],
  sometimes: ['placed late', 'refunded late'],
  mutants: [
    {
      name: 'unknown-is-declined',
      why: 'during compensation, a charge with an unknown result counts as not made',
      guard: 'unheard-authorization-is-asked',
      change: () => "return { kind: 'done', reason: { code: 'nothing_to_undo' } };",
    },
    {
      name: 'late-policy-ignored',
      why: 'an order is placed late against the LATE_PAYMENT setting and after its customer cancelled',
      guard: 'late-payment-policy',
      change: (line) => line.replace(/=.*;/, '= true;'),
    },
  ],

  run: async (environment) => {
    const [sells, refunds] = await Promise.all([
      environment.open({ queue: 'postgres', env }),
      environment.open({ queue: 'postgres', env: { ...env, LATE_PAYMENT: 'refund' } }),
    ]);
    await Promise.all([whereItMaySellLate(sells), whereItMayNot(refunds)]);
    for (const shop of [sells, refunds]) {
      environment.count('placed late', await shop.sagaEvents('late_placed'));
      environment.count('refunded late', await shop.sagaEvents('late_given_back'));
    }
  },
};

async function whereItMaySellLate(shop: DrilledShop): Promise<void> {
  const [free, sold, unwanted] = [await shop.product(3), await shop.product(3), await shop.product(3)];
  const purchases = await Promise.all([free, sold, unwanted].map((sku) => givenUp(shop, sku)));
  await shop.buy(3, { sku: sold });
  for (const order of await shop.ordersOf(purchases[2]!))
    await shop.requestCancellation(order.id as string, 'cancel', { waitSeconds: 0 });

  await shop.converge();
  const ends = await Promise.all(purchases.map((some) => endsOf(shop, some)));
  assert.deepEqual(
    ends,
    [{ placed: 3 }, { abandoned: 3 }, { abandoned: 3 }],
    'free, sold meanwhile, cancelled',
  );
  await shop.audit();
}

async function whereItMayNot(shop: DrilledShop): Promise<void> {
  const purchases = await givenUp(shop, await shop.product(3));
  await shop.converge();
  assert.deepEqual(await endsOf(shop, purchases), { abandoned: 3 });
  await shop.audit();
}

/** Three purchases whose charge has no result, resolved by an operator: their stock is back on sale. */
async function givenUp(shop: DrilledShop, sku: string): Promise<Purchase[]> {
  const purchases = await shop.buy(3, { sku, paymentMethod: late });
  for (const purchase of purchases) {
    purchase.cancelled = true;
    await reach('it can be resolved', async () => {
      const [order] = await shop.ordersOf([purchase]);
      if (order.payment.status !== 'unknown') return false;
      const { status } = await shop.admin.post(`/v1/admin/orders/${order.id}/saga/resolve`, {
        reason: 'no answer',
      });
      return status === 200;
    });
  }
  assert.equal(await shop.available(sku), 3);
  return purchases;
}

const endsOf = async (shop: DrilledShop, purchases: Purchase[]) =>
  tally(
    await shop.ordersOf(purchases),
    ({ rejectionReason, status }) => (rejectionReason ?? status) as string,
  );
