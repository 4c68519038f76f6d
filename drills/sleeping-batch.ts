import assert from 'node:assert/strict';
import { inParallel, tally } from '../test/support/shop';
import type { Drill } from './kit/drill';

const stock = 20;
/** So many share the batch that sleeps. */
const sleepers = 12;

export const drill: Drill = {
  name: 'sleeping-batch',
  promise:
    'A batch that sleeps before its commit is not kept: its stock goes to others, its buyers ask again.',
  rows: [33],
  sometimes: ['freezes', 'buyers in the batch'],
  mutants: [
    {
      name: 'commit-is-believed',
      why: 'a batch whose connection was cut takes itself for committed, and tells its buyers so',
      file: 'database/database.js',
      find: 'throw (0, pg_errors_1.isConnectionLost)(error) && !(0, pg_errors_1.isNeverSent)(error) ? new CommitUnknown(error) : error;',
      replace: '',
    },
  ],

  run: async (stage) => {
    const shop = await stage.open({
      queue: 'postgres',
      apis: 2,
      env: { DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: '1000' },
      // The first buyer is alone; those who come meanwhile share the next transaction.
      envOf: { 'api-1': { FAILPOINT: 'intake.before-commit:sleep=300@1,intake.before-commit:stop@2' } },
    });
    const sku = await shop.product(stock, { strategy: 'grouped' });

    const buy = (count: number, by: number) =>
      inParallel(count, count, async () => {
        const purchase = shop.log.begin({ sku, quantity: 1, paymentMethod: 'pm_card_visa' });
        await shop.ask(purchase, by);
        return purchase;
      });
    const asleep = buy(sleepers + 1, 0);
    await shop.stopped('api-1');
    const others = await buy(stock + 5, 1);
    await shop.thaw('api-1');
    const sleeping = await asleep;
    const purchases = [...sleeping, ...others];
    stage.count('buyers in the batch', sleeping.filter(({ slowestMs }) => slowestMs > 1_000).length);
    await shop.audit();

    const told = tally(purchases, ({ answer }) => (answer!.status < 300 ? 'taken' : answer!.body.code));
    assert.deepEqual(told, { taken: stock, insufficient_stock: purchases.length - stock });
  },
};
