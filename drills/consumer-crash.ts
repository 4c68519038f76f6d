import assert from 'node:assert/strict';
import { inParallel } from '../test/support/shop';
import type { Drill } from './kit/drill';
import { sentCountsAsApplied } from './kit/mutants';

/** Before its effect, inside it, and after it but before the job is completed. */
const places = ['consumer.started', 'apply-event.before-commit', 'apply-event.after-commit', 'consumer.done'];

export const drill: Drill = {
  name: 'consumer-crash',
  promise:
    'When a worker dies while it handles a message, another worker handles it, with its effect applied once.',
  rows: [10, 11],
  sometimes: ['kills'],
  mutants: [sentCountsAsApplied],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', workers: 2 });
    const sku = await shop.product(1_000);
    // What the first deaths lose is enough to notice that it is not sent again.
    for (const place of environment.mutant ? places.slice(0, 2) : places) {
      await shop.service.restart('worker-1', { FAILPOINT: `${place}:kill9@2` });
      // The other worker may have handled all of them first.
      while (shop.service.pidOf('worker-1') !== undefined) {
        const buying = shop.buy(10, { sku, paymentMethod: ['pm_card_visa', 'pm_card_chargeDeclined'] });
        await Promise.all([buying, inParallel(10, 5, () => shop.reserved(sku, 1, { ttlSeconds: 1 }))]);
      }
      environment.count('kills', 1);
    }
    await shop.service.restart('worker-1', { FAILPOINT: undefined });

    await shop.audit();
    const twice = `SELECT consumer, message_id FROM inbox GROUP BY consumer, message_id HAVING count(*) > 1`;
    assert.deepEqual(await shop.query(twice), []);
  },
};
