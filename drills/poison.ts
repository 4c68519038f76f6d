import assert from 'node:assert/strict';
import { tally } from '../test/support/shop';
import { patienceMs, until } from '../test/support/until';
import { type Drill, type Patch, unlimited } from './kit/drill';

/** A build with three bugs: an event that it cannot handle, an order that it cannot drive, and one that ends the process. */
const bugs: Patch[] = [
  {
    guard: 'event-is-applied',
    change: (line) => `if (name === 'reservation.extended') throw new TypeError('a bug');\n${line}`,
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

export const drill: Drill = {
  name: 'poison',
  promise:
    'What no worker can handle is set aside with its reason after a few tries, and everything else flows.',
  rows: [49],
  sometimes: ['dead letters', 'stuck', 'deaths'],
  patches: bugs,
  mutants: [
    {
      name: 'tried-for-ever',
      why: 'a message that cannot be handled is never set aside',
      guard: 'message-starts-limit',
      change: unlimited,
    },
    {
      name: 'taken-up-for-ever',
      why: 'a saga that ends its workers is taken up by the next one, and the next',
      guard: 'saga-sweeps-limit',
      change: unlimited,
    },
  ],

  run: async (stage) => {
    // A lost message is sent again later than a handler that throws is tried again.
    const env = { SAGA_LEASE_MS: '1700', RELAY_RESEND_MS: '10000' };
    const shop = await stage.open({ queue: 'postgres', workers: 0, env });
    const worker = await shop.service.launch('worker', { dist: stage.build('bugs', bugs) });
    const sku = await shop.product(100);

    const reservation = await shop.reserved(sku);
    await shop.client.post(`/v1/reservations/${reservation.id}/extend`, { ttlSeconds: 700 });
    assert.deepEqual(await shop.buyToTheEnd(5, { sku }), { placed: 5 });
    const letters = await until('the message is set aside', async () => {
      const { body } = await shop.admin.get('/v1/admin/dead-letters');
      return body.data.length > 0 && (body.data as { id: string; reason: string }[]);
    });
    assert.match(letters[0]!.reason, /a bug/);
    stage.count('dead letters', letters.length);

    // One order ends its worker, one cannot be driven at all; those beside them are placed.
    const letGo = shop.keepAlive(worker);
    const bad = await shop.buy(2, { sku, paymentMethod: ['pm_sandbox_slow_1', 'pm_sandbox_slow_2'] });
    const [deadly, broken] = bad.map(({ orderIds }) => [...orderIds][0]!);
    await until(
      'the deadly one is set aside',
      async () => {
        const { body } = await shop.admin.get(`/v1/admin/orders/${deadly}/saga`);
        // Not only out of attempts, which would be made all the same: nobody takes it up any more.
        return body.status === 'stuck' && body.transitions.at(-1).cause === 'blocked';
      },
      3 * patienceMs, // Six workers die of it.
    );
    stage.count('stuck', 1);
    assert.deepEqual(await shop.buyToTheEnd(5, { sku }), { placed: 5 });
    assert.equal((await shop.orderNow(broken!)).status, 'pending');
    await letGo();

    // The bugs are mended; a person has all of them taken up again.
    await shop.terminate(worker);
    await shop.service.launch('worker');
    await shop.admin.post(`/v1/admin/dead-letters/${letters[0]!.id}/retry`, { reason: 'mended' });
    await shop.admin.post(`/v1/admin/orders/${deadly}/saga/retry`, { reason: 'mended' });
    await shop.converge();
    assert.deepEqual(
      tally(await shop.ordersOf(bad), ({ status }) => status as string),
      { placed: 2 },
    );
    await shop.audit();
  },
};
