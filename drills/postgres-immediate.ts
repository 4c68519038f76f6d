import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import type { Drill } from './kit/drill';

export const drill: Drill = {
  name: 'postgres-immediate',
  promise:
    'What was acknowledged is there after PostgreSQL has crashed in the middle of it, and no process of ours goes with it.',
  rows: [42],
  sometimes: ['crashes'],
  mutants: [
    {
      name: 'acknowledged-before-durable',
      why: 'a commit is answered before its log is written, so that a crash takes back what buyers were told',
      guard: 'durable-commit',
      change: (line) => line.replace('asked: undefined', "asked: 'off'").replace(/found !== 'off'/, 'found'),
    },
  ],

  run: async (stage) => {
    const postgres = await stage.postgres();
    const shop = await stage.open({
      queue: 'postgres',
      apis: 2,
      workers: 2,
      databaseUrl: postgres.url,
      servers: [postgres.child],
    });
    const sku = await shop.product(10_000);
    const pids = shop.pids();

    let open = true;
    const paymentMethod = ['pm_card_visa', 'pm_card_visa', 'pm_sandbox_slow_200', 'pm_card_chargeDeclined'];
    const buying = (async () => {
      while (open) await shop.buy(20, { sku, paymentMethod, atOnce: 20 });
    })();
    for (let crash = 1; crash <= 5; crash++) {
      await stage.pause(500, 1_500);
      await shop.service.kill('postgres', 'SIGQUIT');
      stage.count('crashes', 1);
      await until('PostgreSQL is back', () => postgres.child.start());
    }
    open = false;
    await buying;

    assert.deepEqual(shop.pids(), pids, 'processes that ended because PostgreSQL did');
    await shop.audit();
  },
};
