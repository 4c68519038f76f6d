import assert from 'node:assert/strict';
import { until } from '../../test/support/until';
import type { DrilledShop } from './drilled-shop';

/**
 * What works during any outage: orders are accepted at the first try, charged, and placed or declined; reservations
 * expire. Returns how long the slowest and the median order took to be accepted.
 */
export async function businessAsUsual(shop: DrilledShop): Promise<{ slowestMs: number; medianMs: number }> {
  const sku = await shop.product(100);
  const paymentMethod = ['pm_card_visa', 'pm_card_visa', 'pm_card_chargeDeclined', 'pm_sandbox_slow_100'];
  const taken = await shop.buy(20, { sku, paymentMethod });
  const times = taken.map((purchase) => Math.round(purchase.slowestMs)).sort((one, other) => one - other);
  const retried = taken.filter(({ unheard }) => unheard > 0);
  assert.equal(retried.length, 0, 'orders that were not accepted at the first try');

  const ends = await Promise.all(taken.map((purchase, index) => shop.ask(purchase, index, 10)));
  assert.deepEqual(
    ends.map(({ status }) => status),
    taken.map((purchase) => (purchase.paymentMethod === 'pm_card_chargeDeclined' ? 402 : 201)),
    'orders that are placed (201) or declined (402)',
  );
  await expires(shop);
  return { slowestMs: times.at(-1)!, medianMs: times[times.length >> 1]! };
}

/** A reservation expires, not before its time, and its units are back on sale. */
export async function expires(shop: DrilledShop): Promise<void> {
  const sku = await shop.product(5);
  await shop.reserved(sku, 5, { ttlSeconds: 1 });
  await until('an expired reservation is back on sale', async () => (await shop.available(sku)) === 5);
  assert.deepEqual(await shop.expired(sku), { reservations: 1, early: 0 });
}
