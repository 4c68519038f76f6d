import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { until } from '../test/support/until';
import { type Drill, unlimited } from './kit/drill';

const secret = 'whsec_holdfast_sandbox';

function signed(body: string, { key = secret, secondsAgo = 0 } = {}): string {
  const at = Math.floor(Date.now() / 1_000) - secondsAgo;
  return `t=${at},v1=${createHmac('sha256', key).update(`${at}.${body}`).digest('hex')}`;
}

export const drill: Drill = {
  name: 'webhooks-forged',
  promise:
    'A forged or replayed webhook is refused; a repeated one, or one without an order of ours, changes nothing; one that cannot be stored is refused without its neighbours.',
  rows: [23, 25],
  sometimes: ['refused', 'orphans', 'webhooks stored beside one that cannot be'],
  mutants: [
    {
      name: 'old-signatures-accepted',
      why: 'a signature never expires',
      guard: 'webhook-signature-age',
      change: unlimited,
    },
    {
      name: 'orphans-never-processed',
      why: 'a webhook without an order of ours is processed again and again',
      guard: 'orphan-webhooks-are-settled',
      change: (line) => line.replace('{ id,', "{ id: 'none',"),
    },
    {
      name: 'whole-group-refused',
      why: 'one webhook that cannot be stored refuses all that arrived with it',
      guard: 'broken-batch-is-halved',
      change: (line) => line.replace('batch.length === 1', 'batch.length > 0'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({ queue: 'postgres' });
    const sku = await shop.product(10);
    const order = await shop.placed(sku);
    const eventOf = (orderId: string) => ({
      id: `evt_${randomUUID().replaceAll('-', '')}`,
      object: 'event',
      type: 'payment_intent.canceled',
      data: { object: { id: 'pi_1', object: 'payment_intent', metadata: { orderId } } },
    });
    const deliver = async (body: string, signature: string) =>
      (
        await shop.stranger.post('/v1/payments/webhooks/stripe', body, {
          headers: { 'stripe-signature': signature },
        })
      ).status;

    const body = JSON.stringify(eventOf(order.id as string));
    const forgeries = [
      '',
      signed(body, { key: 'whsec_another' }),
      signed(`${body} `),
      signed(body, { secondsAgo: 600 }),
    ];
    for (const forgery of forgeries) assert.equal(await deliver(body, forgery), 401, forgery);
    environment.count('refused', forgeries.length);

    const signature = signed(body);
    for (let copy = 1; copy <= 5; copy++) assert.equal(await deliver(body, signature), 200);
    const nobodys = JSON.stringify(eventOf('ord_01jd3v7q8ne05v7c0kq1e5m9tz'));
    assert.equal(await deliver(nobodys, signed(nobodys)), 200);

    const orphans = await until('the orphan is set aside', async () => {
      const found = await shop.query(`SELECT FROM provider_events WHERE verdict = 'orphan'`);
      return found.length > 0 && found;
    });
    environment.count('orphans', orphans.length);

    await shop.tamper(
      `ALTER TABLE provider_events ADD CONSTRAINT refuses CHECK (type <> 'cannot.be.stored')`,
    );
    const crowd = Array.from({ length: 40 }, (_, nth) => ({
      ...eventOf('ord_01jd3v7q8ne05v7c0kq1e5m9tz'),
      type: nth % 20 === 9 ? 'cannot.be.stored' : 'payment_intent.canceled',
    }));
    const deliverAll = () =>
      Promise.all(crowd.map((event) => JSON.stringify(event)).map((event) => deliver(event, signed(event))));
    const expected = crowd.map(({ type }) => (type === 'cannot.be.stored' ? 500 : 200));
    assert.deepEqual(await deliverAll(), expected);
    environment.count('webhooks stored beside one that cannot be', crowd.length - 2);
    await shop.tamper('ALTER TABLE provider_events DROP CONSTRAINT refuses');
    assert.deepEqual(
      await deliverAll(),
      crowd.map(() => 200),
    );
    assert.equal((await shop.orderNow(order.id as string)).status, 'placed');
    await shop.audit();
  },
};
