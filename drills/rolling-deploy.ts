import assert from 'node:assert/strict';
import { until } from '../test/support/until';
import type { Drill, Patch } from './kit/drill';
import { reach } from './kit/reach';

/** The next release: its sagas are of a newer version, and a placed order sends a message that this one does not know. */
const nextRelease: Patch[] = [
  {
    file: 'orders/checkout-saga/checkout.saga.js',
    find: 'exports.codeVersion = 1;',
    replace: 'exports.codeVersion = 2;',
  },
  {
    file: 'outbox/outbox.js',
    find: "'order.placed': 'events',",
    replace: "'order.placed': 'events',\n    'order.celebrated': 'events',",
  },
  {
    file: 'orders/order-moves.js',
    find: 'moves.map((move, index) => messageOf(move, index + 1))',
    replace: `moves.flatMap((move, index) => [
        messageOf(move, index + 1),
        ...(move.message === 'order.placed' ? [messageOf({ ...move, message: 'order.celebrated' }, index + 2)] : []),
    ])`,
  },
];

export const drill: Drill = {
  name: 'rolling-deploy',
  promise:
    'A worker that is asked to stop brings its charges home, and an old build beside a new one touches nothing that it does not understand.',
  rows: [63, 64],
  sometimes: ['charges brought home', 'sagas left for the newer'],
  patches: nextRelease,
  mutants: [
    {
      name: 'leaves-at-once',
      why: 'a worker that is asked to stop does not wait for its charges',
      file: 'workers/workers.module.js',
      find: 'await Promise.race([home, new Promise((resolve) => setTimeout(resolve, grace).unref())]);',
      replace: '',
    },
    {
      name: 'drives-what-it-does-not-know',
      why: 'a worker takes up sagas of a newer version',
      file: 'orders/checkout-saga/saga.repository.js',
      find: 'AND code_version <= $2::int AND step = ANY ($3::text[])\n       ORDER BY order_id',
      replace: 'AND $2::int IS NOT NULL AND step = ANY ($3::text[])\n       ORDER BY order_id',
    },
  ],

  run: async (stage) => {
    const env = { PAYMENT_TIMEOUT_MS: '1500', SAGA_LEASE_MS: '4000' };
    const shop = await stage.open({ queue: 'postgres', workers: 1, env });
    const sku = await shop.product(200);

    // A charge of a second is under way when the worker is asked to stop.
    await shop.buy(5, { sku, paymentMethod: 'pm_sandbox_slow_900' });
    const sent = `SELECT FROM payment_operations WHERE status = 'sent'`;
    const underWay = await reach('charges are under way', async () => {
      const { length } = await shop.query(sent);
      return length > 0 && length;
    });
    await shop.terminate('worker-1');
    assert.match(shop.service.outputOf('worker-1'), /\(worker-1 ended: exit 0\)$/);
    assert.equal((await shop.query(sent)).length, 0, 'charges that the worker left behind');
    stage.count('charges brought home', underWay);

    // The old worker goes on beside a new API, which has no worker of its kind yet.
    const dist = stage.build('next-release', nextRelease);
    await Promise.all([shop.service.restart('worker-1'), shop.service.launch('api', { dist, env })]);
    await shop.buy(20, { sku });
    const untouched = `SELECT FROM sagas WHERE code_version = 2 AND status = 'running' AND version = 1`;
    await until('the old worker has done what it can', async () => {
      const old = await shop.query(`SELECT FROM sagas WHERE code_version = 1 AND status <> 'completed'`);
      const rung = await shop.query(`SELECT FROM outbox WHERE applied_at IS NULL`);
      return old.length === 0 && rung.length === 0;
    });
    assert.equal((await shop.query(untouched)).length, 10, 'sagas of the new API that nobody has touched');
    stage.count('sagas left for the newer', 10);

    // The new worker comes, the old ones go.
    await shop.service.launch('worker', { dist, env });
    await shop.buy(10, { sku });
    await until('the new worker has driven them', async () => (await shop.query(untouched)).length === 0);
    await Promise.all([shop.terminate('worker-1'), shop.terminate('api-1')]);
    shop.client = shop.client.at(shop.service.apis[1]!);
    shop.admin = shop.admin.at(shop.service.apis[1]!);
    await shop.audit();
    const celebrated = await shop.query(
      `SELECT FROM outbox WHERE type = 'order.celebrated' AND applied_at IS NOT NULL`,
    );
    assert.ok(celebrated.length >= 10, 'messages of the new build that were applied');
  },
};
