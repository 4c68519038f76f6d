import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Purchase } from './kit/client-log';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';

/** More than the attempts that may be counted. */
const looksMin = 4;
const attemptsMax = 2;

export const drill: Drill = {
  name: 'processing-for-long',
  promise:
    'A charge that is processing is waited for without a limit of attempts; one that is authorized in part is voided before its order is rejected.',
  rows: [74, 76],
  sometimes: ['looks at charges in processing', 'reservations kept past their expiry'],
  mutants: [
    {
      name: 'processing-spends-attempts',
      why: 'each look at a charge in processing costs its order an attempt',
      guard: 'processing-costs-no-attempt',
      change: (line) => line.replace("'waiting'", "'unknown'"),
    },
    {
      name: 'part-left-authorized',
      why: 'a partial authorization is not voided when its order is rejected',
      guard: 'partial-authorization-is-voided',
      change: (line) => line.replace('declinedAndUndone', 'declined'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres' });
    const sku = await shop.product(100);
    const processing = await shop.buy(4, {
      sku,
      paymentMethod: 'pm_sandbox_processing_6000',
      ttlSeconds: 2,
    });
    const parts = await shop.buy(4, { sku, paymentMethod: 'pm_sandbox_partial_authorization' });
    await until('the partial authorizations are declined', async () => {
      const ends = await declinesOf(shop, parts);
      return ends['rejected partial_authorization'] === 4;
    });

    const looks = await looksAtProcessing(shop);
    assert.ok(looks >= looksMin, `${looks} looks`);
    environment.count('looks at charges in processing', looks);
    const [spent] = await shop.query<{ times: number; attempts: number }>(
      `SELECT count(*)::int AS times, max(attempt) AS attempts FROM saga_transitions WHERE code = 'still_processing'`,
    );
    assert.ok(spent!.times > 0, 'no saga waited for a charge in processing');
    assert.ok(spent!.attempts <= attemptsMax, `${looks} looks spent ${spent!.attempts} attempts`);
    await shop.converge();
    assert.deepEqual(await declinesOf(shop, processing), { 'placed null': 4 });
    const kept = await shop.query(
      `SELECT FROM reservations WHERE status = 'confirmed' AND ended_at > expires_at + interval '500 milliseconds'`,
    );
    environment.count('reservations kept past their expiry', kept.length);
    await shop.audit();
  },
};

/** Makes the looks due again and again while the charges are in processing. Returns the fewest of any charge. */
async function looksAtProcessing(shop: DrilledShop): Promise<number> {
  const looksOf = new Map<string, number>();
  await until('the charges are no longer in processing', async () => {
    await shop.hurry();
    const waiting = await shop.query<{ id: string; looks: number }>(
      `SELECT id, looks FROM payment_operations WHERE status = 'pending' AND waits_for = 'provider'`,
    );
    for (const { id, looks } of waiting) looksOf.set(id, looks);
    return waiting.length === 0;
  });
  return looksOf.size === 0 ? 0 : Math.min(...looksOf.values());
}

const declinesOf = async (shop: DrilledShop, purchases: Purchase[]) =>
  tally(await shop.ordersOf(purchases), ({ status, payment }) => `${status} ${payment.declineCode}`);
