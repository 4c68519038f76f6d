import assert from 'node:assert/strict';
import { inParallel, tally } from '../test/support/shop';
import { type Drill, removed } from './kit/drill';
import { reach } from './kit/reach';

const inTransaction = `
  SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`;
const stock = 20;
/** Buyers in the batch that sleeps. */
const sleepers = 12;

export const drill: Drill = {
  name: 'sleeping-batch',
  promise:
    'A batch that hangs before its commit is rolled back: its stock goes to other buyers, and its own buyers retry.',
  rows: [33],
  sometimes: ['freezes', 'buyers in the batch'],
  mutants: [
    {
      name: 'commit-is-believed',
      why: 'a batch whose connection was cut counts as committed, and answers its buyers so',
      guard: 'commit-may-be-unknown',
      change: removed,
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({
      queue: 'postgres',
      apis: 2,
      env: { DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: '2000' },
      // The first buyer is handled singly; later ones share the next transaction.
      envOf: { 'api-1': { FAILPOINT: 'intake.before-commit:sleep=1500@1,intake.before-commit:stop@2' } },
    });
    const sku = await shop.product(stock, { strategy: 'grouped' });

    const buy = (count: number, by: number) =>
      inParallel(count, count, async () => {
        const purchase = shop.log.begin({ sku, quantity: 1, paymentMethod: 'pm_card_visa' });
        await shop.ask(purchase, by);
        return purchase;
      });
    const first = buy(1, 0);
    await reach('the first buyer is at work', async () => (await shop.query(inTransaction)).length > 0);
    const asleep = buy(sleepers, 0);
    await shop.stopped('api-1');
    const buyingMeanwhile = buy(stock + 5, 1);
    // Woken as soon as its connection is cut, so that its buyers still wait for the response.
    await reach('its connection is cut', async () => (await shop.query(inTransaction)).length === 0);
    await shop.thaw('api-1');
    const others = await buyingMeanwhile;
    const sleeping = [...(await first), ...(await asleep)];
    const purchases = [...sleeping, ...others];
    environment.count('buyers in the batch', sleeping.filter(({ slowestMs }) => slowestMs > 1_000).length);
    await shop.audit();

    const outcomes = tally(purchases, ({ answer }) => (answer!.status < 300 ? 'taken' : answer!.body.code));
    assert.deepEqual(outcomes, { taken: stock, insufficient_stock: purchases.length - stock });
  },
};
