import assert from 'node:assert/strict';
import { inParallel } from '../test/support/shop';
import type { Drill } from './kit/drill';
import { sentIsTakenForApplied } from './kit/mutants';

/** Before its effect, inside it, and after it but before the queue hears of it. */
const places = ['consumer.started', 'apply-event.before-commit', 'apply-event.after-commit', 'consumer.done'];

export const drill: Drill = {
  name: 'consumer-crash',
  promise:
    'A worker that dies with a message in its hands leaves it for another, and its effect happens once.',
  rows: [10, 11],
  sometimes: ['kills'],
  mutants: [sentIsTakenForApplied],

  run: async (stage) => {
    const shop = await stage.open({ queue: 'postgres', workers: 2 });
    const sku = await shop.product(1_000);
    for (const place of places) {
      await shop.service.restart('worker-1', { FAILPOINT: `${place}:kill9@2` });
      // Its rival may have been quicker with all of them.
      while (shop.service.pidOf('worker-1') !== undefined) {
        const buying = shop.buy(10, { sku, paymentMethod: ['pm_card_visa', 'pm_card_chargeDeclined'] });
        await Promise.all([buying, inParallel(10, 5, () => shop.reserved(sku, 1, { ttlSeconds: 1 }))]);
      }
      stage.count('kills', 1);
    }
    await shop.service.restart('worker-1', { FAILPOINT: undefined });

    await shop.audit();
    const twice = `SELECT consumer, message_id FROM inbox GROUP BY consumer, message_id HAVING count(*) > 1`;
    assert.deepEqual(await shop.query(twice), []);
  },
};
