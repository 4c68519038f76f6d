import { createHmac, randomUUID } from 'node:crypto';
import { type Answer, expectProblem } from '../support/http-client';
import { inParallel, openShop, tally } from '../support/shop';
import { until } from '../support/until';

const path = '/v1/payments/webhooks/stripe';
const secret = 'whsec_holdfast_sandbox';

/** As Stripe documents it, implemented again so that a mistake in the library is not tested against itself. */
function signed(body: string, { key = secret, secondsAgo = 0 } = {}): string {
  const at = Math.floor(Date.now() / 1_000) - secondsAgo;
  return `t=${at},v1=${createHmac('sha256', key).update(`${at}.${body}`).digest('hex')}`;
}

describe('a webhook', () => {
  const shop = openShop({ queue: 'postgres' });

  const eventOf = (orderId: string | undefined, more: object = {}) => ({
    id: `evt_${randomUUID().replaceAll('-', '')}`,
    object: 'event',
    type: 'payment_intent.payment_failed',
    data: {
      object: { id: 'pi_1', object: 'payment_intent', metadata: orderId === undefined ? {} : { orderId } },
    },
    ...more,
  });
  const deliver = (body: string, signature: string | null = signed(body)): Promise<Answer> =>
    shop.stranger.post(path, body, { headers: signature === null ? {} : { 'stripe-signature': signature } });
  const stored = (id: string) =>
    shop.query<{ raw_body: string; verdict: string | null }>(
      'SELECT raw_body, verdict FROM provider_events WHERE id = $1',
      [id],
    );
  const verdict = (id: string) =>
    until(`event ${id} is processed`, async () => (await stored(id))[0]?.verdict);

  it('is verified and stored byte for byte', async () => {
    const event = eventOf(undefined);
    // Spaces, escapes and an order of members that no serializer would write.
    const body = `{\n "type" : "${event.type}" ,\t"note":"caf\\u00e9 é 漢字", "id":"${event.id}", "data":{"object":{ "id":"pi_1"}} ,"object":"event"}\n`;
    const answer = await deliver(body);

    expect(answer.status).toBe(200);
    expect((await stored(event.id)).map((row) => row.raw_body)).toEqual([body]);
  });

  const forgeries: [string, (body: string) => string | null][] = [
    ['without a signature', () => null],
    ['with an empty signature', () => ''],
    ['with an invalid signature', () => 'nonsense'],
    ['signed with another secret', (body) => signed(body, { key: 'whsec_other' })],
    ['signed for another body', (body) => signed(`${body} `)],
    ['signed ten minutes ago', (body) => signed(body, { secondsAgo: 600 })],
    [
      'signed ten minutes ago and dated now',
      (body) => `t=${Math.floor(Date.now() / 1_000)},${signed(body, { secondsAgo: 600 }).split(',')[1]}`,
    ],
    ['with a time and nothing else', () => `t=${Math.floor(Date.now() / 1_000)}`],
    ['with another scheme only', (body) => signed(body).replace('v1=', 'v0=')],
  ];
  it.each(forgeries)('is refused and not stored %s', async (_how, forge) => {
    const event = eventOf((await shop.placed(await shop.product(1))).id);
    const body = JSON.stringify(event);

    expectProblem(await deliver(body, forge(body)), { status: 401, code: 'webhook_signature_invalid' });
    expect(await stored(event.id)).toEqual([]);
  });

  it('is accepted if one of several signatures is valid, as during a change of the secret', async () => {
    const event = eventOf(undefined);
    const body = JSON.stringify(event);
    const [time, right] = signed(body).split(',');
    const [, wrong] = signed(body, { key: 'whsec_old' }).split(',');

    expect((await deliver(body, `${time},${wrong},${right}`)).status).toBe(200);
    expect(await stored(event.id)).toHaveLength(1);
  });

  it('is stored once when it is delivered many times', async () => {
    const event = eventOf(undefined);
    const body = JSON.stringify(event);
    const answers = await inParallel(20, 20, () => deliver(body));
    answers.push(await deliver(body), await deliver(body, signed(body, { secondsAgo: 100 })));

    expect(tally(answers, ({ status }) => status)).toEqual({ 200: 22 });
    expect(await stored(event.id)).toHaveLength(1);
  });

  it.each([
    ['an order that is not ours', 'order_4711'],
    ['an order that does not exist', 'ord_01jd3v7q8ne05v7c0kq1e5m9tz'],
    ['no order at all', undefined],
  ])('is stored as an orphan when it names %s', async (_what, orderId) => {
    const event = eventOf(orderId);

    expect((await deliver(JSON.stringify(event))).status).toBe(200);
    expect(await verdict(event.id)).toBe('orphan');
  });

  it.each([
    'payment_intent.payment_failed',
    'payment_intent.canceled',
    'charge.refunded',
    'payment_intent.succeeded',
    'charge.dispute.created',
    'made.up',
  ])('changes no order without asking the provider: %s', async (type) => {
    const order = await shop.placed(await shop.product(3));
    const event = eventOf(order.id, { type });

    expect((await deliver(JSON.stringify(event))).status).toBe(200);
    expect(await verdict(event.id)).toBe('payments checked');
    await until('the payments were compared', async () => {
      const due = await shop.query('SELECT FROM payment_checks');
      return due.length === 0;
    });
    const now = await shop.orderNow(order.id);
    expect(now).toEqual({ ...order, expiresInSeconds: now.expiresInSeconds });
  });

  it.each([
    ['no JSON', 'not json'],
    ['null', 'null'],
    ['a list', '[]'],
    ['an event without an id', JSON.stringify(eventOf(undefined, { id: undefined }))],
    ['an event whose id is a number', JSON.stringify(eventOf(undefined, { id: 7 }))],
    ['an event without a type', JSON.stringify(eventOf(undefined, { type: undefined }))],
    ['an id with a NUL', JSON.stringify(eventOf(undefined, { id: 'evt_\u0000' }))],
    ['a type with a NUL', JSON.stringify(eventOf(undefined, { type: 'a\u0000' }))],
    ['nothing', ''],
  ])('is refused as malformed even when it is signed: %s', async (_what, body) => {
    const before = (await shop.query('SELECT id FROM provider_events')).length;

    expectProblem(await deliver(body), { status: [400, 401, 422] });
    expect((await shop.query('SELECT id FROM provider_events')).length).toBe(before);
  });

  it.each([
    ['data that is null', { data: null }],
    ['an object that is null', { data: { object: null } }],
    ['metadata of numbers', { data: { object: { id: 5, metadata: { orderId: 5 } } } }],
    ['metadata that is null', { data: { object: { id: 'pi_1', metadata: null } } }],
    [
      'a NUL in its object’s id',
      { data: { object: { id: 'pi_\u0000', metadata: { orderId: 'ord_\u0000' } } } },
    ],
  ])('is stored if it is signed, with unexpected content too: %s', async (_what, change) => {
    const event = eventOf(undefined, change);

    expect((await deliver(JSON.stringify(event))).status).toBe(200);
    expect(await verdict(event.id)).toBe('orphan');
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
