import assert from 'node:assert/strict';
import { inParallel } from '../test/support/shop';
import { type Drill, removed } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';

const stock = 5;

export const drill: Drill = {
  name: 'sleeping-lease-holder',
  promise:
    'A process that sleeps past the end of its lease cannot reserve stock: the stock row has a newer fencing token.',
  rows: [32],
  sometimes: ['leases taken over', 'stale holders refused'],
  mutants: [
    {
      name: 'lease-alone',
      why: 'a holder trusts its lease, and the stock row does not check the token',
      guard: 'lease-fencing-token',
      change: removed,
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({
      queue: 'postgres',
      apis: 2,
      // The database does not close the sleeper's connection: only the token must stop it.
      env: { DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: '60000' },
      envOf: { 'api-1': { FAILPOINT: 'lease.stock-read:stop@1' } },
    });
    // Nor does the stock row's CHECK.
    await shop.tamper('ALTER TABLE stock_levels DROP CONSTRAINT stock_levels_never_oversold');
    const sku = await shop.product(stock, { strategy: 'lease' });

    const holder = shop.buy(1, { sku });
    await shop.stopped('api-1');
    const first = await leaseOf(shop, sku);
    const rivals = await inParallel(stock, stock, async () => {
      const purchase = shop.log.begin({ sku, quantity: 1, paymentMethod: 'pm_card_visa' });
      return shop.ask(purchase, 1);
    });
    assert.deepEqual(
      rivals.map(({ status }) => status),
      rivals.map(() => 202),
      'the holder sleeps, and its rivals are not served',
    );
    const now = await leaseOf(shop, sku);
    if (now.token > first.token) environment.count('leases taken over', 1);

    await shop.thaw('api-1');
    const [late] = await holder;
    await shop.audit();
    assert.equal(late!.answer?.body.code, 'insufficient_stock', 'the sleeper sold what rivals had bought');
    environment.count('stale holders refused', 1);
  },
};

async function leaseOf(shop: DrilledShop, sku: string): Promise<{ token: number }> {
  const [lease] = await shop.query<{ token: number }>('SELECT token::int FROM leases WHERE name = $1', [sku]);
  return lease!;
}
