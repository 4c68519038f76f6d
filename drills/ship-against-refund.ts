import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Answer } from '../test/support/http-client';
import type { Purchase } from './kit/client-log';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { hasty } from './kit/tour';

const units = 3;

export const drill: Drill = {
  name: 'ship-against-refund',
  promise:
    'Shipments, refunds in part and a cancellation of one order that come at once agree: no unit leaves or comes back twice, and no more than the capture is refunded, also when workers die in between.',
  rows: [87],
  sometimes: ['shipments', 'refunds in part', 'cancellations', 'refused because others were first'],
  mutants: [
    {
      name: 'order-not-locked',
      why: 'two requests about one order do not see each other',
      guard: 'order-is-locked-first',
      change: (line) => line.replace('lockSaga', 'readSaga'),
    },
    {
      name: 'refunds-above-the-capture',
      why: 'a refund does not count those that were asked for before it',
      guard: 'refunds-stay-within-the-capture',
      change: (line) => line.replace('captured - promised', 'captured'),
    },
    {
      name: 'cancelled-after-a-shipment',
      why: 'an order whose goods have left is cancelled as a whole',
      guard: 'shipped-orders-are-not-undone',
      change: (line) => line.replace(/\(await .*\)\)/, '(false)'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', apis: 2, env: hasty });
    const sku = await shop.product(200);
    const purchases = [
      ...(await shop.buy(14, { sku, quantity: units, waitSeconds: 20 })),
      ...(await shop.buy(4, { sku, quantity: units, waitSeconds: 20, capture: 'on_shipment' })),
    ];
    const stop = shop.keepAlive('worker-1');
    const outcomes: Answer[] = [];
    const killed = killSometimes(shop, 3);
    await Promise.all(
      purchases.map(async (purchase, nth) => {
        purchase.cancelled = true;
        outcomes.push(...(await Promise.all(requestsAbout(shop, purchase, { sku, nth }))));
      }),
    );
    await killed;
    await stop();
    if (!shop.pids()['worker-1']) await shop.service.restart('worker-1');
    await shop.converge();

    const refused = outcomes.filter(({ status }) => status === 409);
    environment.count('refused because others were first', refused.length);
    const unexpected = outcomes.filter(({ status, body }) => status >= 400 && !expected.includes(body.code));
    assert.deepEqual(
      unexpected.map(({ text }) => text),
      [],
    );
    for (const order of await shop.ordersOf(purchases)) {
      const left = order.shipments.filter(({ status }: any) => status === 'shipped');
      environment.count('shipments', left.length);
      environment.count('refunds in part', order.refunds.length);
      environment.count('cancellations', order.status === 'cancelled' ? 1 : 0);
      assert.ok(
        order.status !== 'cancelled' || left.length === 0,
        `${order.id} is cancelled, and goods left`,
      );
      const failed = order.refunds.filter(({ status }: any) => status !== 'succeeded');
      assert.deepEqual(failed, [], `${order.id} has refunds that did not succeed`);
      const { capturedAmount, refundedAmount } = order.payment;
      assert.ok(refundedAmount.amount <= capturedAmount.amount, `${order.id} refunds more than was captured`);
    }
    await shop.audit();
  },
};

const expected = [
  'order_shipped',
  'order_not_placed',
  'order_already_rejected',
  'more_than_sold',
  'more_than_captured',
  'capture_first',
  'nothing_to_capture',
  'payment_in_progress',
];

/** All that a shop can do after the sale, at once; another request is sent first for each order. */
function requestsAbout(
  shop: DrilledShop,
  { orderIds }: Purchase,
  { sku, nth }: { sku: string; nth: number },
): Promise<Answer>[] {
  const [id] = orderIds;
  const post = (path: string, body: object, api: number) => {
    const headers = { 'idempotency-key': randomUUID() };
    return shop.insist(path, (by) => by.post(`/v1/orders/${id}/${path}`, body, { headers }), { first: api });
  };
  const lines = (quantity: number) => [{ sku, quantity }];
  const all = [
    () => post('shipments', { lines: lines(1) }, 0),
    () => post('refunds', { lines: lines(2), reason: 'too many' }, 1),
    () => post('refunds', { amount: 4_000, reason: 'too late' }, 0),
    () => post('shipments', {}, 1),
    () => post('refunds', { reason: 'all of it' }, 1),
    () => post('cancel', {}, 0),
  ];
  const first = nth % all.length;
  return [...all.slice(first), ...all.slice(0, first)].map((request) => request());
}

async function killSometimes(shop: DrilledShop, times: number): Promise<void> {
  for (let nth = 0; nth < times; nth++) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await shop.kill('worker-1').catch(() => undefined);
  }
}
