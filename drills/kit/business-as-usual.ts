import assert from 'node:assert/strict';
import { until } from '../../test/support/until';
import type { DrilledShop } from './drilled-shop';

/** The promise is 5 s after the end of the reservation; the rest is for a machine that is busy with other drills. */
const backOnSaleWithinMs = 5_000 + 2_000;

/**
 * What goes on whatever is down: orders are taken at the first try, charged, and placed or declined; reservations end in
 * their time. Returns how long the slowest and the median order took to be taken.
 */
export async function businessAsUsual(shop: DrilledShop): Promise<{ slowestMs: number; medianMs: number }> {
  const sku = await shop.product(100);
  const paymentMethod = ['pm_card_visa', 'pm_card_visa', 'pm_card_chargeDeclined', 'pm_sandbox_slow_100'];
  const taken = await shop.buy(20, { sku, paymentMethod });
  const times = taken.map((purchase) => Math.round(purchase.slowestMs)).sort((one, other) => one - other);
  const toldToComeAgain = taken.filter(({ unheard }) => unheard > 0);
  assert.equal(toldToComeAgain.length, 0, 'orders that were not taken at the first try');

  const ends = await Promise.all(taken.map((purchase, index) => shop.ask(purchase, index, 10)));
  assert.deepEqual(
    ends.map(({ status }) => status),
    taken.map((purchase) => (purchase.paymentMethod === 'pm_card_chargeDeclined' ? 402 : 201)),
    'orders that are placed (201) or declined (402)',
  );
  await endsInTime(shop);
  return { slowestMs: times.at(-1)!, medianMs: times[times.length >> 1]! };
}

/** A reservation whose time is up is back on sale within 5 s, and not before. */
export async function endsInTime(shop: DrilledShop): Promise<void> {
  const sku = await shop.product(5);
  const { expiresAt } = await shop.reserved(sku, 5, { ttlSeconds: 1 });
  const endsAt = Date.parse(expiresAt as string);
  await until(
    'an expired reservation is back on sale',
    async () => (await shop.available(sku)) === 5,
    endsAt - Date.now() + backOnSaleWithinMs,
  );
  assert.ok(Date.now() >= endsAt, 'a reservation ended before its time');
}
