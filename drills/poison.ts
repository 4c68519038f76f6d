import assert from 'node:assert/strict';
import { parsePublicId } from '../src/ids';
import { tally } from '../test/support/shop';
import { patienceMs, until } from '../test/support/until';
import { type Drill, type Patch, unlimited } from './kit/drill';

/** A build with three bugs: an event that it cannot handle, an order that it cannot drive, and one that ends the process. */
const bugs: Patch[] = [
  {
    guard: 'event-is-applied',
    change: (line) =>
      `if (messages.some(({ aggregateId }) => aggregateId === process.env['POISON'])) throw new TypeError('a bug');\n${line}`,
  },
  {
    guard: 'saga-is-driven',
    change: (line) =>
      `if (checkout.order.paymentMethod === 'pm_sandbox_slow_2') throw new TypeError('a bug');\n${line}`,
  },
  {
    guard: 'provider-key-is-kept',
    change: (line) => `if (request.paymentMethod === 'pm_sandbox_slow_1') process.exit(1);\n${line}`,
  },
];

/** Six workers die of it; a restart that dies before its claim may add one. */
const deathsMax = 8;

export const drill: Drill = {
  name: 'poison',
  promise:
    'Work that no worker can handle is set aside with its reason after a few attempts, and all other work continues.',
  rows: [49],
  sometimes: ['dead letters', 'stuck', 'deaths'],
  patches: bugs,
  mutants: [
    {
      name: 'retried-forever',
      why: 'a message that cannot be handled never becomes a dead letter',
      guard: 'message-starts-limit',
      change: unlimited,
    },
    {
      name: 'batch-stays-whole',
      why: 'a job of several messages that did not end is started again as a whole',
      guard: 'started-batches-are-split',
      change: (line) => line.replace('job.starts > 1', 'job.starts > Infinity'),
    },
    {
      name: 'driven-forever',
      why: 'a saga that kills its workers is driven by every next worker',
      guard: 'saga-sweeps-limit',
      change: unlimited,
    },
  ],

  run: async (environment) => {
    // The resend interval is longer than the retry of a handler that throws.
    const env = { SAGA_LEASE_MS: '1700', RELAY_RESEND_MS: '10000' };
    const shop = await environment.open({ queue: 'postgres', workers: 0, env });
    const sku = await shop.product(100);
    // Three messages that share a job, one of which cannot be handled.
    const released: string[] = [];
    for (let nth = 0; nth < 3; nth++) {
      const { id } = await shop.reserved(sku);
      await shop.client.post(`/v1/reservations/${id}/release`, {});
      released.push(id);
    }
    await shop.announceReleases(released);
    const POISON = parsePublicId('rsv', released[1]!);
    const dist = environment.build('bugs', bugs);
    const worker = await shop.service.launch('worker', { dist, env: { POISON } });
    assert.deepEqual(await shop.buyToTheEnd(5, { sku }), { placed: 5 });
    const letters = await until('the message is a dead letter', async () => {
      const { body } = await shop.admin.get('/v1/admin/dead-letters');
      return body.data.length > 0 && (body.data as { id: string; aggregateId: string; reason: string }[]);
    });
    assert.deepEqual(
      letters.map(({ aggregateId }) => aggregateId),
      [released[1]],
    );
    assert.match(letters[0]!.reason, /a bug/);
    await until('the others of its job are applied', async () => {
      const waiting = await shop.query(
        `SELECT FROM outbox WHERE type = 'reservation.released' AND applied_at IS NULL`,
      );
      return waiting.length === 1;
    });
    environment.count('dead letters', letters.length);

    // One order kills its worker, one cannot be driven at all; all others are placed.
    const letGo = shop.keepAlive(worker);
    const bad = await shop.buy(2, { sku, paymentMethod: ['pm_sandbox_slow_1', 'pm_sandbox_slow_2'] });
    const [deadly, broken] = bad.map(({ orderIds }) => [...orderIds][0]!);
    const end = await until(
      'the deadly one is stuck',
      async () => {
        if ((environment.facts.deaths ?? 0) > deathsMax) return 'still driven';
        const { body } = await shop.admin.get(`/v1/admin/orders/${deadly}/saga`);
        // Stuck as poison, not only out of attempts: no worker drives it any more.
        return body.status === 'stuck' && body.transitions.at(-1).cause === 'blocked' && 'stuck';
      },
      3 * patienceMs,
    );
    assert.equal(end, 'stuck');
    environment.count('stuck', 1);
    assert.deepEqual(await shop.buyToTheEnd(5, { sku }), { placed: 5 });
    assert.equal((await shop.orderNow(broken!)).status, 'pending');
    await letGo();

    // The bugs are fixed; an operator retries all of them.
    await shop.terminate(worker);
    await shop.service.launch('worker');
    await shop.admin.post(`/v1/admin/dead-letters/${letters[0]!.id}/retry`, { reason: 'fixed' });
    await shop.admin.post(`/v1/admin/orders/${deadly}/saga/retry`, { reason: 'fixed' });
    await shop.converge();
    assert.deepEqual(
      tally(await shop.ordersOf(bad), ({ status }) => status as string),
      { placed: 2 },
    );
    await shop.audit();
  },
};
