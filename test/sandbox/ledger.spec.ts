import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import type { OrderRow } from '../../sandbox/ledger/ledger';
import { UnreadableLedger } from '../../sandbox/ledger/ledger-file';
import { fingerprintOf } from '../../sandbox/payments/idempotency-keys';
import { TestSandbox, errorOf, newOrderId, payment } from './harness';

let sandbox: TestSandbox;
beforeEach(async () => {
  sandbox = await TestSandbox.start();
});
afterEach(() => sandbox.stop());

async function captured(orderId: string): Promise<string> {
  const { id } = await sandbox.stripe().paymentIntents.create(payment(orderId));
  await sandbox.stripe().paymentIntents.capture(id);
  return id;
}

/** What no client request moves. */
const untouched = { account: null, refundsFailed: 0, refundedByOperator: 0, disputed: 0 };

const rows = async () => (await sandbox.get<{ data: OrderRow[] }>('/sandbox/ledger')).data;

describe('the ledger', () => {
  it('has one row per order, however many intents it has', async () => {
    const [twice, once] = [newOrderId(), newOrderId()];
    await captured(twice);
    await captured(twice);
    await captured(once);

    expect(await sandbox.get('/sandbox/ledger')).toEqual({
      object: 'list',
      data: [
        {
          orderId: twice,
          currency: 'EUR',
          authorized: 3998,
          captured: 3998,
          refunded: 0,
          voided: 0,
          ...untouched,
          attempts: 4,
        },
        {
          orderId: once,
          currency: 'EUR',
          authorized: 1999,
          captured: 1999,
          refunded: 0,
          voided: 0,
          ...untouched,
          attempts: 2,
        },
      ],
    });
  });

  it('names an intent without an order by its own id', async () => {
    const { id } = await sandbox.stripe().paymentIntents.create({ ...payment('unused'), metadata: {} });
    await sandbox.stripe().paymentIntents.capture(id);
    expect(await rows()).toEqual([expect.objectContaining({ orderId: id, captured: 1999, attempts: 2 })]);
  });

  it('leaves money with its order when the capture names another', async () => {
    const orderId = newOrderId();
    const { id } = await sandbox.stripe().paymentIntents.create(payment(orderId));
    await sandbox.stripe().paymentIntents.capture(id, { metadata: { orderId: 'ord_somebody_else' } });
    expect(await rows()).toEqual([expect.objectContaining({ orderId, authorized: 1999, captured: 1999 })]);
  });

  it('shows each movement with the operation that caused it', async () => {
    const orderId = newOrderId();
    const stripe = sandbox.stripe();
    const { id } = await stripe.paymentIntents.create(payment(orderId), { idempotencyKey: 'first' });
    await stripe.paymentIntents.capture(
      id,
      { amount_to_capture: 1500, metadata: { operationId: 'op_capture' } },
      { idempotencyKey: 'second' },
    );
    const refund = await stripe.refunds.create(
      { payment_intent: id, amount: 500, metadata: { operationId: 'op_refund' } },
      { idempotencyKey: 'third' },
    );

    const shared = {
      orderId,
      currency: 'EUR',
      account: null,
      paymentIntent: id,
      at: expect.stringMatching(/Z$/),
      refund: null,
    };
    expect((await sandbox.get<{ data: unknown[] }>(`/sandbox/entries?orderId=${orderId}`)).data).toEqual([
      { ...shared, kind: 'authorize', amount: 1999, operationId: `op_${orderId}`, idempotencyKey: 'first' },
      { ...shared, kind: 'capture', amount: 1500, operationId: 'op_capture', idempotencyKey: 'second' },
      { ...shared, kind: 'void', amount: 499, operationId: 'op_capture', idempotencyKey: 'second' },
      {
        ...shared,
        kind: 'refund',
        amount: 500,
        operationId: 'op_refund',
        idempotencyKey: 'third',
        refund: refund.id,
      },
    ]);
  });

  it('is on disk before the response is sent', async () => {
    const orderId = newOrderId();
    const { id } = await sandbox.stripe().paymentIntents.create(payment(orderId));
    const lines = readFileSync(sandbox.ledgerPath, 'utf8').trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({
      movements: [{ kind: 'authorize', amount: 1999 }],
      intent: { id, orderId },
    });
  });

  it('has the attempt of a refused request on disk before the response is sent', async () => {
    const orderId = newOrderId();
    await errorOf(sandbox.stripe().paymentIntents.create({ ...payment(orderId), amount: 0 }));
    const last = readFileSync(sandbox.ledgerPath, 'utf8').trimEnd().split('\n').at(-1)!;
    expect(JSON.parse(last)).toEqual({ attempt: orderId, currency: 'eur' });
  });
});

describe('the ledger after a restart', () => {
  it('has the same rows, intents, refunds and events', async () => {
    const ids = [await captured(newOrderId()), await captured(newOrderId())];
    const refund = await sandbox.stripe().refunds.create({ payment_intent: ids[0]!, amount: 1 });
    await errorOf(sandbox.stripe().paymentIntents.create(payment(newOrderId(), 'pm_card_chargeDeclined')));
    const look = async () => [
      await rows(),
      await sandbox.stripe().paymentIntents.list({ limit: 100 }),
      await sandbox.stripe().refunds.retrieve(refund.id),
      await sandbox.stripe().events.list({ limit: 100 }),
    ];
    const before = await look();
    await sandbox.close();
    await sandbox.open();

    expect(await look()).toEqual(before);
  });

  it('continues with the state of an order', async () => {
    const orderId = newOrderId();
    const { id } = await sandbox.stripe().paymentIntents.create(payment(orderId));
    await sandbox.close();
    await sandbox.open();

    await sandbox.stripe().paymentIntents.capture(id);
    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 1999, captured: 1999, attempts: 2 });
  });

  it('reads lines that are longer than one read of the file', async () => {
    const orderId = newOrderId();
    const metadata = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`key${i}`, 'ä'.repeat(500)]));
    for (let i = 0; i < 10; i++) {
      await sandbox
        .stripe()
        .paymentIntents.create({ ...payment(orderId), metadata: { ...metadata, orderId } });
    }
    await sandbox.close();
    await sandbox.open();

    expect(await sandbox.row(orderId)).toMatchObject({ authorized: 19990, attempts: 10 });
    const { data } = await sandbox.stripe().events.list({ limit: 1 });
    expect(data[0]).toMatchObject({ data: { object: { metadata: { key39: 'ä'.repeat(500) } } } });
  });
});

describe('the ledger of an earlier build', () => {
  it('is read, and its payments go on', async () => {
    await sandbox.close();
    writeFileSync(sandbox.ledgerPath, earlierLines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await sandbox.open();
    const stripe = sandbox.stripe();

    expect(await rows()).toEqual([
      expect.objectContaining({ orderId: 'ord_1', captured: 1999, refunded: 500, attempts: 1, ...untouched }),
    ]);
    expect((await stripe.refunds.retrieve('re_1')).status).toBe('succeeded');
    expect((await stripe.events.list()).data.map(({ id, type }) => [id, type])).toEqual([
      ['evt_2', 'charge.refunded'],
      ['evt_1', 'payment_intent.succeeded'],
    ]);
    const again = await stripe.refunds.create(
      { payment_intent: 'pi_1', amount: 500 },
      { idempotencyKey: 'key-of-refund' },
    );
    expect(again.id).toBe('re_1');
    await stripe.refunds.create({ payment_intent: 'pi_1' });
    expect(await sandbox.row('ord_1')).toMatchObject({ refunded: 1999 });
  });
});

/** A capture and a refund of a part, as the build before wrote them. */
const earlierIntent = {
  id: 'pi_1',
  chargeId: 'ch_1',
  orderId: 'ord_1',
  createdAt: Date.now(),
  amount: 1999,
  currency: 'eur',
  captureMethod: 'automatic',
  paymentMethod: 'pm_card_visa',
  status: 'succeeded',
  capturable: 0,
  received: 1999,
  refunded: 0,
  metadata: { orderId: 'ord_1' },
};
const earlierLines = [
  { attempt: 'ord_1', currency: 'EUR' },
  {
    movements: [
      { kind: 'authorize', amount: 1999 },
      { kind: 'capture', amount: 1999 },
    ],
    intent: earlierIntent,
    status: 200,
    eventType: 'payment_intent.succeeded',
    at: Date.now(),
    requestId: 'req_1',
    operationId: null,
    eventId: 'evt_1',
  },
  {
    movements: [{ kind: 'refund', amount: 500 }],
    intent: { ...earlierIntent, refunded: 500 },
    refund: {
      id: 're_1',
      paymentIntent: 'pi_1',
      chargeId: 'ch_1',
      createdAt: Date.now(),
      amount: 500,
      currency: 'eur',
      reason: null,
      metadata: {},
    },
    status: 200,
    eventType: 'charge.refunded',
    at: Date.now(),
    requestId: 'req_2',
    operationId: null,
    key: 'key-of-refund',
    fingerprint: fingerprintOf('/v1/refunds', { payment_intent: 'pi_1', amount: '500' }),
    eventId: 'evt_2',
  },
];

describe('a ledger with an incomplete line', () => {
  let warnings: jest.SpyInstance;
  beforeEach(() => {
    warnings = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  });
  afterEach(() => warnings.mockRestore());

  it.each([
    ['in the middle', () => appendFileSync(sandbox.ledgerPath, '{"movements":[{"kind":"authorize","amo')],
    [
      'in the middle of a character',
      () => appendFileSync(sandbox.ledgerPath, Buffer.from([0x7b, 0x22, 0xc3])),
    ],
    ['with garbage before the newline', () => appendFileSync(sandbox.ledgerPath, '{"movements":\n')],
    [
      'just before its newline',
      () => {
        const { length } = readFileSync(sandbox.ledgerPath);
        appendFileSync(sandbox.ledgerPath, '{"attempt":"ord_torn","currency":"EUR"}\n');
        truncateSync(sandbox.ledgerPath, length + '{"attempt":"ord_torn","currency":"EUR"}'.length);
      },
    ],
  ])('loses the last line with one warning and keeps the rest: torn %s', async (_where, tear) => {
    const orderId = newOrderId();
    await captured(orderId);
    const before = await rows();
    await sandbox.close();
    tear();
    await sandbox.open();

    expect(await rows()).toEqual(before);
    expect(warnings).toHaveBeenCalledTimes(1);

    const later = newOrderId();
    await captured(later);
    await sandbox.close();
    await sandbox.open();
    expect(await rows()).toEqual([...before, expect.objectContaining({ orderId: later, captured: 1999 })]);
    expect(warnings).toHaveBeenCalledTimes(1);
  });

  it('refuses to start when the line is not the last, because no crash does that', async () => {
    await captured(newOrderId());
    await sandbox.close();
    const lines = readFileSync(sandbox.ledgerPath, 'utf8').split('\n');
    writeFileSync(sandbox.ledgerPath, [lines[0], '{"torn', ...lines.slice(1)].join('\n'));

    await expect(sandbox.open()).rejects.toBeInstanceOf(UnreadableLedger);
  });
});
