import assert from 'node:assert/strict';
import { HttpClient } from '../test/support/http-client';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Purchase } from './kit/client-log';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { hasty, untilBuyerActs } from './kit/tour';

/** Enough for a worker to be killed and replaced meanwhile. */
const actionSeconds = 3;

export const drill: Drill = {
  name: 'buyer-acts-late',
  promise:
    'A buyer who authenticates too late pays nothing and finds the payment canceled; one who does so in time has an order, also at the very deadline and when a worker dies meanwhile.',
  rows: [75],
  sometimes: ['refused authentications', 'placed at the deadline'],
  mutants: [
    {
      name: 'released-before-the-void-is-answered',
      why: 'at the deadline the stock is released and the order ends while its buyer can still pay',
      guard: 'declined-intent-is-canceled-first',
      change: (line) => line.replace("!== 'approved'", "=== 'never'"),
    },
  ],

  run: async (environment) => {
    const env = { ...hasty, PAYMENT_ACTION_SECONDS: String(actionSeconds) };
    const shop = await environment.open({ queue: 'postgres', env });
    const sku = await shop.product(100);
    const paymentMethod = 'pm_sandbox_requires_action';
    const absent = await shop.buy(4, { sku, paymentMethod });
    const racing = [
      ...(await shop.buy(8, { sku, paymentMethod })),
      ...(await shop.buy(8, { sku, paymentMethod, capture: 'immediate' })),
    ];
    // Each a little earlier or later than its deadline.
    await Promise.all(
      racing.map(async (purchase, nth) => {
        const { payment } = await untilBuyerActs(shop, idOf(purchase));
        const leftMs = Date.parse(payment.actionExpiresAt) - Date.now();
        await authenticate(shop, payment.reference, Math.max(0, leftMs + 100 * (nth % 8) - 200));
      }),
    );
    await shop.kill('worker-1');
    await shop.service.restart('worker-1');

    const refused = await Promise.all(absent.map((purchase) => authenticatedAfterItsEnd(shop, purchase)));
    environment.count('refused authentications', refused.filter(Boolean).length);
    assert.deepEqual(await endsOf(shop, absent), { 'rejected action_expired': absent.length });
    await shop.converge();
    const { 'placed null': placed = 0, ...others } = await endsOf(shop, racing);
    environment.count('placed at the deadline', placed);
    assert.deepEqual(
      Object.keys(others).filter((end) => end !== 'rejected action_expired'),
      [],
    );
    assert.equal(await shop.available(sku), 100 - placed);
    await shop.audit();
  },
};

const idOf = ({ orderIds: [id] }: Purchase): string => id!;

/** The buyer comes back from the bank's page, after that time. False: the payment can be authenticated no more. */
async function authenticate(shop: DrilledShop, reference: string, delayMs = 0): Promise<boolean> {
  const path = `/sandbox/payment_intents/${reference}/authenticate`;
  const provider = new HttpClient(shop.service.sandboxUrl);
  return (await provider.post(path, { outcome: 'success', delayMs })).status === 200;
}

/** True: the buyer who authenticates the moment the order is rejected is refused. */
async function authenticatedAfterItsEnd(shop: DrilledShop, purchase: Purchase): Promise<boolean> {
  const { payment } = await until(`${idOf(purchase)} is rejected`, async () => {
    const order = await shop.orderNow(idOf(purchase));
    return order.status === 'rejected' && order;
  });
  return !(await authenticate(shop, payment.reference));
}

const endsOf = async (shop: DrilledShop, purchases: Purchase[]) =>
  tally(await shop.ordersOf(purchases), ({ status, payment }) => `${status} ${payment.declineCode}`);
