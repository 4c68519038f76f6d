import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { tally } from '../test/support/shop';
import type { Purchase } from './kit/client-log';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { hasty, untilBuyerActs } from './kit/tour';

export const drill: Drill = {
  name: 'second-card',
  promise:
    'After a decline the buyer keeps the stock and pays with another card, once, however often it is sent; the first card can be charged no more.',
  rows: [86],
  sometimes: ['cards refused as one too many', 'first cards that can be confirmed no more'],
  mutants: [
    {
      name: 'two-cards-at-once',
      why: 'a second card is taken while the first of two is being charged',
      guard: 'one-payment-at-a-time',
      change: (line) => line.replace(/\(.*\)/, '(false)'),
      also: [{ guard: 'held-stock-is-not-pinned', change: (line) => line.replace("'expired'", "'pinned'") }],
    },
    {
      name: 'first-card-left-open',
      why: 'another card is tried while a browser can still pay with the first',
      guard: 'declined-intent-is-canceled-first',
      change: (line) => line.replace("!== 'approved'", "=== 'never'"),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', apis: 2, env: hasty });
    const sku = await shop.product(100);
    const options = {
      sku,
      paymentMethod: ['pm_card_chargeDeclined', 'pm_card_chargeDeclinedInsufficientFunds'],
      onDecline: { holdSeconds: 300, attemptsMax: 3 },
    };
    const purchases = [
      ...(await shop.buy(6, options)),
      ...(await shop.buy(6, { ...options, capture: 'immediate' })),
    ];
    await Promise.all(
      purchases.map(async (purchase) => {
        const [id] = purchase.orderIds;
        const { payment } = await untilBuyerActs(shop, id!);
        assert.ok(payment.retryUntil !== null, `${id} waits for no other card`);
        if (!(await confirmedByBrowser(shop, payment.reference)))
          environment.count('first cards that can be confirmed no more', 1);
        const taken = await Promise.all([0, 1].map((api) => pay(shop, id!, api)));
        assert.deepEqual(taken.sort(), [202, 409], `${id}: of two cards at once`);
        environment.count('cards refused as one too many', 1);
      }),
    );
    await shop.converge();
    assert.deepEqual(await endsOf(shop, purchases), { 'placed 2': purchases.length });
    for (const row of (await shop.ledger()).values())
      assert.deepEqual([row.captured, row.refunded, row.authorized - row.voided], [1999, 0, 1999]);
    await shop.audit();
  },
};

const pay = async (shop: DrilledShop, id: string, api: number): Promise<number> => {
  const headers = { 'idempotency-key': randomUUID() };
  const body = { payment: { method: 'pm_card_visa' } };
  return (await shop.caller(api).post(`/v1/orders/${id}/payments`, body, { headers })).status;
};

/** As a browser does that still has the secret of the first payment. */
async function confirmedByBrowser(shop: DrilledShop, reference: string): Promise<boolean> {
  const answer = await fetch(`${shop.service.sandboxUrl}/v1/payment_intents/${reference}/confirm`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer sk_test_holdfast_sandbox',
      'idempotency-key': randomUUID(),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'payment_method=pm_card_visa',
  });
  return answer.status === 200;
}

const endsOf = async (shop: DrilledShop, purchases: Purchase[]) =>
  tally(await shop.ordersOf(purchases), ({ status, payment }) => `${status} ${payment.attempts}`);
