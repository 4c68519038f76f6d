import assert from 'node:assert/strict';
import { publicId } from '../src/ids';
import { codeVersion } from '../src/orders/checkout-saga/code-version';
import { HttpClient } from '../test/support/http-client';
import { until } from '../test/support/until';
import { type Drill, type Patch, removed } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import { reach } from './kit/reach';

/** Like an earlier release: sagas of version 2, whose payments do not name the installation. */
const previousRelease: Patch[] = [
  {
    guard: 'code-version',
    change: (line) => line.replace(/\d+/, '2'),
  },
];

/** This release with a message that the previous one does not know, sent by a placed order. */
const thisRelease: Patch[] = [
  {
    guard: 'message-routes',
    change: (line) => `${line} 'order.celebrated': 'events',`,
  },
  {
    guard: 'messages-of-moves',
    change: (line) =>
      line.replace(
        'moves.map((move, index) => messageOf(move, index + 1))',
        `moves.flatMap((move, index) => [
          messageOf(move, index + 1),
          ...(move.message === 'order.placed' ? [messageOf({ ...move, message: 'order.celebrated' }, index + 2)] : []),
        ])`,
      ),
  },
  {
    guard: 'versions-of-moves',
    change: (line) =>
      line.replace(
        'moves.length',
        "moves.length + moves.filter(({ message }) => message === 'order.placed').length",
      ),
  },
];

export const drill: Drill = {
  name: 'rolling-deploy',
  promise:
    'A stopping worker finishes its charges, and an old build next to a new one leaves sagas of newer versions alone.',
  rows: [63, 64],
  sometimes: ['charges finished', 'sagas left for the new build', 'unknown charges taken over'],
  patches: [...previousRelease, ...thisRelease],
  mutants: [
    {
      name: 'stops-at-once',
      why: 'a stopping worker does not wait for its charges',
      guard: 'drain-before-exit',
      change: removed,
    },
    {
      name: 'drives-newer-sagas',
      why: 'a worker drives sagas of a newer version',
      guard: 'newer-sagas-are-left',
      change: (line) => line.replace('code_version <= $2::int', '$2::int IS NOT NULL'),
    },
    {
      name: 'old-workers-passed-over',
      why: 'capture modes are accepted that an old worker would mistake',
      guard: 'old-workers-are-waited-for',
      change: () => 'const old = [];',
    },
    {
      name: 'old-sagas-in-the-new-form',
      why: 'operations of a saga from the previous build are sent with this build’s metadata',
      guard: 'naming-of-saga-version',
      change: (line) => line.replace('saga.codeVersion', '9'),
    },
  ],

  run: async (environment) => {
    const env = { PAYMENT_TIMEOUT_MS: '1500', SAGA_LEASE_MS: '4000' };
    const previous = environment.build('previous-release', previousRelease);
    const shop = await environment.open({ queue: 'postgres', workers: 1, env, dist: previous });
    const sku = await shop.product(200);

    // A charge that takes a second is in flight when the worker is asked to stop.
    await shop.buy(5, { sku, paymentMethod: 'pm_sandbox_slow_900' });
    const sent = `SELECT FROM payment_operations WHERE status = 'sent'`;
    const underWay = await reach('charges are under way', async () => {
      const { length } = await shop.query(sent);
      return length > 0 && length;
    });
    await shop.terminate('worker-1');
    assert.match(shop.service.outputOf('worker-1'), /\(worker-1 ended: exit 0\)$/);
    assert.equal((await shop.query(sent)).length, 0, 'charges that the worker left behind');
    environment.count('charges finished', underWay);

    // The old worker runs next to a new API, without a new worker yet.
    const dist = environment.build('this-release', thisRelease);
    await Promise.all([shop.service.restart('worker-1'), shop.service.launch('api', { dist, env })]);
    await shop.buy(20, { sku });
    const onShipment = { lines: [{ sku, quantity: 1 }], capture: 'on_shipment' };
    const early = await shop.order(onShipment, { by: shop.client.at(shop.service.apis[1]!) });
    assert.equal(early.status, 503, `an old worker would void its authorization: ${early.text}`);
    const untouched = `SELECT FROM sagas WHERE code_version = ${codeVersion} AND status = 'running' AND version = 1`;
    await until('the old worker has done what it knows', async () => {
      const old = await shop.query(
        `SELECT FROM sagas WHERE code_version < ${codeVersion} AND status <> 'completed'`,
      );
      const waiting = await shop.query(
        `SELECT FROM outbox JOIN sagas ON order_id = aggregate_id WHERE applied_at IS NULL AND code_version < ${codeVersion}`,
      );
      return old.length === 0 && waiting.length === 0;
    });
    assert.equal((await shop.query(untouched)).length, 10, 'sagas of the new API that no worker has driven');
    environment.count('sagas left for the new build', 10);

    // The old worker dies with charges in flight.
    await shop.buy(6, { sku, paymentMethod: 'pm_sandbox_timeout_after_commit' });
    const unheard = await reach('charges have no result', async () => {
      const found = await shop.query<{ orderId: string }>(
        `SELECT order_id AS "orderId" FROM payment_operations WHERE status = 'unknown'`,
      );
      return found.length === 3 && found;
    });
    await shop.kill('worker-1');
    environment.count('unknown charges taken over', unheard.length);

    // The new worker starts, the old ones stop.
    await shop.service.launch('worker', { dist, env });
    await shop.buy(10, { sku });
    await until('the new worker has driven them', async () => (await shop.query(untouched)).length === 0);
    await shop.terminate('api-1');
    shop.client = shop.client.at(shop.service.apis[1]!);
    shop.admin = shop.admin.at(shop.service.apis[1]!);
    await shop.audit();
    for (const { orderId } of unheard) {
      const answer = await shop.requestCancellation(publicId('ord', orderId), 'refund', { waitSeconds: 20 });
      assert.equal(answer.body.status, 'refunded', answer.text);
    }
    await shop.audit();
    await metadataAreOfTheirSagas(shop);
    const celebrated = await shop.query(
      `SELECT FROM outbox WHERE type = 'order.celebrated' AND applied_at IS NOT NULL`,
    );
    assert.ok(celebrated.length >= 10, 'messages of the new build that were applied');
  },
};

/**
 * What the provider got: the metadata of the build that accepted the order, whichever build sent it. A repeat with other metadata
 * would be refused.
 */
async function metadataAreOfTheirSagas(shop: DrilledShop): Promise<void> {
  const sagas = await shop.query<{ orderId: string; version: number }>(
    `SELECT order_id AS "orderId", code_version AS version FROM sagas`,
  );
  const provider = new HttpClient(shop.service.sandboxUrl, 'sk_test_holdfast_sandbox');
  const ofOrder = new Map(sagas.map(({ orderId, version }) => [publicId('ord', orderId), version]));
  const seen: string[] = [];
  for (const list of ['payment_intents', 'refunds']) {
    for (const { metadata } of (await provider.get(`/v1/${list}?limit=100`)).body.data) {
      const isOld = ofOrder.get(metadata.orderId as string)! < codeVersion;
      seen.push(`${list} of ${isOld ? 'old' : 'new'} ${metadata.installation ? 'with' : 'without'}`);
    }
  }
  assert.deepEqual(
    [...new Set(seen)].sort(),
    ['payment_intents of new with', 'payment_intents of old without', 'refunds of old without'],
    'payments that name the installation',
  );
  const refused = await shop.query(`SELECT FROM saga_transitions WHERE code = 'key_conflict'`);
  assert.equal(refused.length, 0, 'repeats with other parameters');
}
