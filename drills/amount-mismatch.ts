import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';

export const drill: Drill = {
  name: 'amount-mismatch',
  promise:
    'A provider result with another amount places no order: the saga is stuck until an operator compensates it.',
  rows: [19],
  sometimes: ['stuck'],
  mutants: [
    {
      name: 'any-amount-will-do',
      why: 'the authorized amount is not compared with the requested amount',
      guard: 'provider-amount-matches',
      change: (line) => line.replace('result.amount === operation.amount && ', ''),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres' });
    const sku = await shop.product(20);
    const purchases = await shop.buy(10, {
      sku,
      paymentMethod: ['pm_card_visa', 'pm_sandbox_amount_mismatch'],
    });
    await shop.converge();

    const orders = await shop.ordersOf(purchases);
    const outcomes = tally(orders, ({ status, saga }) => `${status}, saga ${saga.status}`);
    assert.deepEqual(outcomes, { 'placed, saga completed': 5, 'pending, saga stuck': 5 });
    environment.count('stuck', await shop.sagaEvents('stuck'));
    await shop.audit({ stuck: 5 });

    const stuck = orders.filter(({ saga }) => saga.status === 'stuck');
    for (const { id } of stuck) {
      const { status, text } = await shop.admin.post(`/v1/admin/orders/${id}/saga/compensate`, {
        reason: 'the amounts differ',
      });
      assert.equal(status, 200, text);
    }
    await until('their stock is back on sale', async () => (await shop.available(sku)) === 15);
    await shop.audit();
  },
};
