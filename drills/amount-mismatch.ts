import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';

export const drill: Drill = {
  name: 'amount-mismatch',
  promise: 'An answer about another amount places nothing: the order waits for a person, who can undo it.',
  rows: [19],
  sometimes: ['stuck'],
  mutants: [
    {
      name: 'any-amount-will-do',
      why: 'what the provider says it set aside is not compared with what was asked for',
      guard: 'provider-amount-matches',
      change: (line) => line.replace('result.amount === operation.amount && ', ''),
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'postgres' });
    const sku = await shop.product(20);
    const purchases = await shop.buy(10, {
      sku,
      paymentMethod: ['pm_card_visa', 'pm_sandbox_amount_mismatch'],
    });
    await shop.converge();

    const orders = await shop.ordersOf(purchases);
    const told = tally(orders, ({ status, saga }) => `${status}, saga ${saga.status}`);
    assert.deepEqual(told, { 'placed, saga completed': 5, 'pending, saga stuck': 5 });
    stage.count('stuck', await shop.sagaEvents('stuck'));
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
