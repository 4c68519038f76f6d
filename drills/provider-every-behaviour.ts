import assert from 'node:assert/strict';
import type { Drill } from './kit/drill';

const placed = [
  'pm_card_visa',
  'pm_sandbox_slow_300',
  'pm_sandbox_slow_answer_1500',
  'pm_sandbox_timeout_after_commit',
  'pm_sandbox_timeout_before_commit',
  'pm_sandbox_error_then_ok_2',
  'pm_sandbox_rate_limited_1',
];
const declined = [
  'pm_card_chargeDeclined',
  'pm_card_chargeDeclinedInsufficientFunds',
  'pm_sandbox_capture_declined',
];

export const drill: Drill = {
  name: 'provider-every-behaviour',
  promise:
    'Whatever the provider does or leaves unsaid, who was charged has the goods and who was declined pays nothing.',
  rows: [12, 13, 14, 16, 17],
  sometimes: ['answers unheard', 'reservations kept past their time'],
  mutants: [
    {
      name: 'silence-is-a-no',
      why: 'an answer that did not come is read as a decline',
      guard: 'silence-is-unknown',
      change: (line) => line.replace('unknown(', "(() => ({ status: 'declined', code: 'silence' }))("),
    },
    {
      name: 'key-in-use-is-a-no',
      why: 'a first call that is still under way is read as a decision about the second',
      guard: 'key-in-use-is-unknown',
      change: (line) => line.replace(') {', ' || error.statusCode === 409) {'),
    },
    {
      name: 'new-key-for-each-attempt',
      why: 'asking again charges again',
      guard: 'provider-key-is-kept',
      change: (line) => line.replace('request.key', 'request.key + Date.now()'),
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'postgres' });
    const sku = await shop.product(100);
    const purchases = await shop.buy(22, { sku, paymentMethod: [...placed, ...declined], atOnce: 22 });
    await shop.converge();
    // What it does comes long after we gave up on it, and after the time of the stock that it is for.
    purchases.push(
      ...(await shop.buy(4, { sku, paymentMethod: 'pm_sandbox_late_commit_3000', ttlSeconds: 2 })),
    );

    await shop.converge();
    const orders = await shop.ordersOf(purchases);
    const endOf = (method: string) => (declined.includes(method) ? 'payment_declined' : 'placed');
    assert.deepEqual(
      orders.map((order, nth) => [purchases[nth]!.paymentMethod, order.rejectionReason ?? order.status]),
      purchases.map(({ paymentMethod }) => [paymentMethod, endOf(paymentMethod)]),
    );
    const late = await shop.query(
      `SELECT FROM reservations WHERE status = 'confirmed' AND ended_at > expires_at + interval '500 milliseconds'`,
    );
    stage.count('reservations kept past their time', late.length);
    stage.count('answers unheard', await shop.sagaEvents('authorize_unknown'));
    await shop.audit();
  },
};
