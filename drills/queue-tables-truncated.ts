import { inParallel } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';
import { sentCountsAsApplied } from './kit/mutants';
import { expires } from './kit/business-as-usual';

export const drill: Drill = {
  name: 'queue-tables-truncated',
  promise: 'With queues in PostgreSQL, every event is applied even if the queue tables are truncated.',
  rows: [9, 35],
  sometimes: ['messages sent again'],
  mutants: [sentCountsAsApplied],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres' });
    const sku = await shop.product(200);
    const tables = await shop.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'bullmq' AND tablename <> 'migration'`,
    );
    const empty = async () => {
      // BullMQ locks the same tables in another order, so now and then one of the two is a deadlock victim.
      await until('the tables are emptied', async () => {
        await shop.tamper(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
        return true;
      });
      environment.count('truncates', 1);
    };
    const emptying = inParallel(10, 1, async () => {
      await environment.pause(50, 250);
      await empty();
    });
    await Promise.all([
      shop.buy(60, { sku, paymentMethod: ['pm_card_visa', 'pm_sandbox_slow_200'] }),
      emptying,
    ]);

    // All jobs may have been done before their tables were truncated; now some are surely lost.
    await shop.kill('worker-1');
    await shop.buy(10, { sku });
    await shop.sendEvents(sku);
    await empty();
    await shop.service.restart('worker-1');

    await expires(shop);
    await shop.audit();
    const again = await shop.query('SELECT FROM outbox WHERE relay_epoch > 1');
    environment.count('messages sent again', again.length);
  },
};
