import assert from 'node:assert/strict';
import { inParallel } from '../test/support/shop';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { sentCountsAsApplied } from './kit/mutants';

/** Before their effect, inside it, and after it but before the job is completed. */
const places = [
  'apply-event.before-commit:kill9@2',
  'consumer.started:kill9@2',
  'claim-saga.before-commit:kill9@2',
  'consumer.taken:kill9@2',
  'apply-event.after-commit:kill9@2',
  'consumer.done:kill9@2',
  // A job of several messages throws, comes again, and its worker dies when it has split it.
  [...Array(50).keys()].map((nth) => `consumer.started:throw@${2 * nth + 1}`).join() +
    ',consumer.split:kill9',
];

export const drill: Drill = {
  name: 'consumer-crash',
  promise:
    'When a worker dies while it handles a job, another worker handles its messages, with their effect applied once.',
  rows: [10, 11],
  sometimes: ['kills'],
  mutants: [sentCountsAsApplied],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres', workers: 2 });
    const sku = await shop.product(1_000);
    // What the first death loses is enough to notice that it is not sent again.
    for (const place of environment.mutant ? places.slice(0, 1) : places) {
      await shop.service.restart('worker-1', { FAILPOINT: place });
      // The other worker may have handled all of them first.
      while (shop.service.pidOf('worker-1') !== undefined) {
        const buying = shop.buy(10, { sku, paymentMethod: ['pm_card_visa', 'pm_card_chargeDeclined'] });
        await Promise.all([buying, inParallel(10, 5, () => released(shop, sku))]);
      }
      environment.count('kills', 1);
    }
    await shop.service.restart('worker-1', { FAILPOINT: undefined });

    await shop.audit();
    assert.deepEqual(await shop.query(`SELECT type FROM outbox WHERE applied_at IS NULL`), []);
  },
};

async function released(shop: DrilledShop, sku: string): Promise<void> {
  const { id } = await shop.reserved(sku);
  await shop.client.post(`/v1/reservations/${id}/release`, {});
  await shop.announceReleases([id]);
}
