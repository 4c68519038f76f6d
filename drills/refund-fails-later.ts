import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Purchase } from './kit/client-log';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';

const failing = 'pm_sandbox_refund_fails_1500';

export const drill: Drill = {
  name: 'refund-fails-later',
  promise:
    'A refund is followed until the provider says how it ended: one that fails later is a case with its money, and an operator can make it again.',
  rows: [80],
  sometimes: ['refunds that took their time', 'refunds that failed later', 'refunds made again'],
  mutants: [
    {
      name: 'failed-refund-counts-as-refunded',
      why: 'a refund that failed after it was accepted stays refunded',
      guard: 'failed-refund-is-no-refund',
      change: (line) => line.replace(/=>.*;/, '=> false;'),
    },
    {
      name: 'pending-refund-counts-as-refunded',
      why: 'a refund that is under way is called refunded',
      guard: 'pending-refund-is-followed',
      change: () => 'return approved(refund.id, refund.amount, refund.currency);',
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres' });
    const sku = await shop.product(20);
    const slow = await shop.buy(4, { sku, paymentMethod: 'pm_sandbox_refund_pending_2500', waitSeconds: 20 });
    const late = await shop.buy(4, { sku, paymentMethod: failing, waitSeconds: 20 });
    await Promise.all([...slow, ...late].map((purchase) => refund(shop, purchase)));
    // The provider has accepted it: the order has ended, and the goods are back on sale.
    assert.deepEqual(await paymentsOf(shop, slow), { 'refunded, refunding': 4 });
    assert.equal(await shop.available(sku), 20);

    await until('the refunds have failed', async () => (await webhooksOf(shop, 'refund.failed')) >= 4);
    await shop.converge();
    assert.deepEqual(await paymentsOf(shop, slow), { 'refunded, refunded': 4 });
    assert.deepEqual(await paymentsOf(shop, late), { 'refunded, refund_failed': 4 });
    assert.deepEqual(await openCases(shop), { 'refund_failed 1999': 4 });
    environment.count('refunds that took their time', slow.length);
    environment.count('refunds that failed later', late.length);
    await shop.audit();

    const again = late.slice(0, 3);
    for (const { orderIds } of again) {
      const path = `/v1/admin/orders/${[...orderIds][0]}/saga/retry`;
      const { status, text } = await shop.admin.post(path, { reason: 'the customer has a new account' });
      assert.equal(status, 200, text);
    }
    await until('they are refunded', async () => (await paymentsOf(shop, again))['refunded, refunded'] === 3);
    await shop.converge();
    assert.deepEqual(await paymentsOf(shop, late.slice(3)), { 'refunded, refund_failed': 1 });
    await until('their cases are settled', async () => (await openCases(shop))['refund_failed 1999'] === 1);
    environment.count('refunds made again', again.length);
    assert.equal(await shop.available(sku), 20);
    await shop.audit();
  },
};

async function refund(shop: DrilledShop, purchase: Purchase): Promise<void> {
  purchase.cancelled = true;
  const [id] = purchase.orderIds;
  const answer = await shop.requestCancellation(id!, 'refund', { waitSeconds: 20 });
  assert.equal(answer.body.status, 'refunded', answer.text);
}

const paymentsOf = async (shop: DrilledShop, purchases: Purchase[]) =>
  tally(await shop.ordersOf(purchases), ({ status, payment }) => `${status}, ${payment.status}`);

async function openCases(shop: DrilledShop): Promise<Record<string, number>> {
  const cases = await shop.query<{ what: string }>(
    `SELECT type || ' ' || amount_at_risk AS what FROM payment_facts WHERE is_case AND settled_at IS NULL`,
  );
  return tally(cases, ({ what }) => what);
}

async function webhooksOf(shop: DrilledShop, type: string): Promise<number> {
  return (await shop.query('SELECT FROM provider_events WHERE type = $1', [type])).length;
}
