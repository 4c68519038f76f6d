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
    'Whatever the provider does, every charged buyer has an order and every declined buyer pays nothing.',
  rows: [12, 13, 14, 16, 17],
  sometimes: ['unknown results', 'reservations kept past their expiry'],
  mutants: [
    {
      name: 'no-answer-is-a-decline',
      why: 'a missing answer counts as a decline',
      guard: 'silence-is-unknown',
      change: (line) => line.replace('unknown(', "(() => ({ status: 'declined', code: 'silence' }))("),
    },
    {
      name: 'key-in-use-is-a-decline',
      why: 'a first call that is still in flight decides the second',
      guard: 'key-in-use-is-unknown',
      change: (line) =>
        line.replace('StripeInvalidRequestError)', 'StripeInvalidRequestError || error.statusCode === 409)'),
    },
    {
      name: 'new-key-for-each-attempt',
      why: 'a repeated call charges again',
      guard: 'provider-key-is-kept',
      change: (line) => line.replace('request.key', 'request.key + Date.now()'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres' });
    const sku = await shop.product(100);
    const purchases = await shop.buy(22, { sku, paymentMethod: [...placed, ...declined], atOnce: 22 });
    await shop.converge();
    // It acts long after our timeout, and after the reservation's expiry.
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
    environment.count('reservations kept past their expiry', late.length);
    environment.count('unknown results', await shop.sagaEvents('authorize_unknown'));
    await shop.audit();
  },
};
