import { LossyProxy } from '../test/support/lossy-proxy';
import type { Drill } from './kit/drill';
import { everyKeyIsNew } from './kit/mutants';
import { reach } from './kit/reach';

export const drill: Drill = {
  name: 'commit-answer-lost',
  promise: 'If a COMMIT or its response is lost, a buyer who repeats the request has exactly one order.',
  rows: [3, 43],
  sometimes: ['COMMIT responses lost', 'COMMITs lost'],
  mutants: [everyKeyIsNew],

  run: async (environment) => {
    const proxy = await LossyProxy.before(await environment.database());
    environment.onClose(() => proxy.close());
    const shop = await environment.open({ queue: 'postgres', apis: 2, workers: 2, databaseUrl: proxy.url });
    const sku = await shop.product(10_000);

    let open = true;
    const paymentMethod = ['pm_card_visa', 'pm_card_chargeDeclined'];
    const buying = (async () => {
      while (open) await shop.buy(10, { sku, paymentMethod });
    })();
    for (let loss = 1; loss <= 30; loss++) {
      proxy.lose = loss % 2 ? 'answer to COMMIT' : 'COMMIT';
      await reach('a COMMIT is lost', async () => proxy.lose === 'nothing');
      environment.count(loss % 2 ? 'COMMIT responses lost' : 'COMMITs lost', 1);
      await environment.pause(0, 150);
    }
    open = false;
    await buying;

    await shop.audit();
  },
};
