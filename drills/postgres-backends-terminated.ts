import assert from 'node:assert/strict';
import type { Drill } from './kit/drill';
import { lostConnectionNotRecognised } from './kit/mutants';
import { reach } from './kit/reach';

export const drill: Drill = {
  name: 'postgres-backends-terminated',
  promise: 'When PostgreSQL repeatedly closes all connections, nothing is lost and no process exits.',
  rows: [44],
  sometimes: ['connections cut'],
  mutants: [lostConnectionNotRecognised],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', apis: 2, workers: 2 });
    const sku = await shop.product(10_000);
    const pids = shop.pids();

    let open = true;
    const paymentMethod = ['pm_card_visa', 'pm_sandbox_slow_200', 'pm_card_chargeDeclined'];
    const buying = (async () => {
      while (open) await shop.buy(20, { sku, paymentMethod, atOnce: 20 });
    })();
    for (let cut = 1; cut <= 8; cut++) {
      await environment.pause(400, 1_000);
      await reach('a connection is open', async () => (await shop.terminateBackends()) > 0);
    }
    open = false;
    await buying;

    assert.deepEqual(shop.pids(), pids, 'processes that ended because their connections did');
    await shop.audit();
  },
};
