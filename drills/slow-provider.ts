import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import { type Drill, removed } from './kit/drill';

/** Two charges at a time, of three seconds each, for reservations of two seconds: most expire before their charge. */
const env = {
  PAYMENT_CONCURRENCY_MAX: '2',
  PAYMENT_TIMEOUT_MS: '2500',
  SAGA_LEASE_MS: '6000',
};
const ttlSeconds = 2;

export const drill: Drill = {
  name: 'slow-provider',
  promise:
    'A charge in flight keeps its reservation however long it takes; a charge that was not sent loses it at its expiry and is never made.',
  rows: [14],
  sometimes: ['placed after their expiry', 'expired before their charge'],
  mutants: [
    {
      name: 'charged-without-a-pin',
      why: 'reservations expire while their charge is in flight',
      guard: 'charge-pins-reservation',
      change: removed,
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', env });
    const sku = await shop.product(12);
    const purchases = await shop.buy(12, { sku, paymentMethod: 'pm_sandbox_slow_1500', ttlSeconds });
    await until(
      'the stock of those who wait is back on sale',
      async () => (await shop.available(sku)) >= 8,
      9_000,
    );

    await shop.converge();
    const orders = await shop.ordersOf(purchases);
    const {
      placed = 0,
      reservation_expired: ended = 0,
      ...others
    } = tally(orders, ({ status, rejectionReason }) => (rejectionReason ?? status) as string);
    assert.deepEqual(others, {});
    const ledger = await shop.ledger();
    const charged = orders.filter(({ id, status }) => status === 'rejected' && ledger.has(id as string));
    assert.deepEqual(charged, [], 'orders that were refused for stock');
    environment.count('placed after their expiry', placed);
    environment.count('expired before their charge', ended);
    await shop.audit();
  },
};
