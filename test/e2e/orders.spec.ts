import { describeOnEachQueueBackend } from '../support/redis';
import { expectProblem } from '../support/http-client';
import { inParallel, openShop } from '../support/shop';

describeOnEachQueueBackend('an order', (queue) => {
  const shop = openShop({ queue });

  it('is placed within the request when the buyer waits for it', async () => {
    const [sku, other] = [await shop.product(10), await shop.product(10)];
    const answer = await shop.order(
      { lines: [{ sku, quantity: 2 }], metadata: { basket: 'b-17' } },
      { waitSeconds: 20 },
    );

    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v1/orders/${answer.body.id}`);
    expect(answer.body).toMatchObject({
      id: expect.stringMatching(/^ord_[0-9a-z]{26}$/),
      object: 'order',
      status: 'placed',
      rejectionReason: null,
      reservationId: expect.stringMatching(/^rsv_[0-9a-z]{26}$/),
      lines: [{ sku, quantity: 2, unitPrice: { amount: 1999, currency: 'EUR' } }],
      total: { amount: 3998, currency: 'EUR' },
      payment: { status: 'captured', reference: expect.any(String), declineCode: null },
      saga: { status: 'completed' },
      metadata: { basket: 'b-17' },
    });
    for (const instant of ['createdAt', 'placedAt', 'endedAt', 'expiresAt']) {
      expect(answer.body[instant]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    }
    expect(await shop.ledgerRow(answer.body.id)).toMatchObject({
      currency: 'EUR',
      authorized: 3998,
      captured: 3998,
      refunded: 0,
    });
    expect(await shop.available(sku)).toBe(8);
    expect(await shop.available(other)).toBe(10);
  });

  it('is accepted at once and placed later without a wait', async () => {
    const sku = await shop.product(10);
    const answer = await shop.order({ paymentMethod: 'pm_sandbox_slow_500', lines: [{ sku, quantity: 1 }] });

    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/v1/orders/${answer.body.id}`);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.body).toMatchObject({
      status: 'pending',
      placedAt: null,
      endedAt: null,
      saga: { status: 'running' },
    });
    expect(answer.body.expiresInSeconds).toBeGreaterThan(0);
    expect(await shop.available(sku)).toBe(9);
    expect(await shop.untilEnded(answer.body.id)).toMatchObject({
      status: 'placed',
      payment: { status: 'captured' },
    });
  });

  it('is pending in the response when the wait times out before the charge', async () => {
    const sku = await shop.product(10);
    const answer = await shop.order(
      { paymentMethod: 'pm_sandbox_slow_1400', lines: [{ sku, quantity: 1 }] },
      { waitSeconds: 1 },
    );

    expect(answer.status).toBe(202);
    expect(answer.headers.has('retry-after')).toBe(true);
    expect(answer.body.status).toBe('pending');
    expect((await shop.untilEnded(answer.body.id)).status).toBe('placed');
  });

  it.each([
    ['pm_card_chargeDeclined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
  ])(
    'is rejected with its stock back on sale when the card is declined (%s), and says why: %s',
    async (paymentMethod, declineCode) => {
      const sku = await shop.product(3);
      const answer = await shop.order({ paymentMethod, lines: [{ sku, quantity: 3 }] }, { waitSeconds: 20 });

      expectProblem(answer, { status: 402, code: 'payment_declined' });
      expect(answer.body.order).toMatchObject({
        object: 'order',
        status: 'rejected',
        rejectionReason: 'payment_declined',
        placedAt: null,
        payment: { status: 'declined', declineCode },
        saga: { status: 'compensated' },
      });
      expect(answer.body.declineCode).toBe(declineCode);
      expect(await shop.available(sku)).toBe(3);
      expect(await shop.orderNow(answer.body.order.id)).toMatchObject({ status: 'rejected' });
      expect(await shop.ledgerRow(answer.body.order.id)).toMatchObject({ authorized: 0, captured: 0 });
    },
  );

  it('gets its authorization voided when the capture is declined', async () => {
    const sku = await shop.product(3);
    const answer = await shop.order(
      { paymentMethod: 'pm_sandbox_capture_declined', lines: [{ sku, quantity: 2 }] },
      { waitSeconds: 25 },
    );

    expectProblem(answer, { status: 402, code: 'payment_declined' });
    expect(answer.body.order).toMatchObject({ status: 'rejected', rejectionReason: 'payment_declined' });
    expect(answer.body.order.payment).toMatchObject({ status: 'voided', declineCode: 'generic_decline' });
    expect(answer.body.declineCode).toBe('generic_decline');
    expect(await shop.ledgerRow(answer.body.order.id)).toMatchObject({
      authorized: 3998,
      captured: 0,
      voided: 3998,
    });
    expect(await shop.available(sku)).toBe(3);
  });

  it('answers total_changed and reserves no stock when the total differs from the one shown to the buyer', async () => {
    const sku = await shop.product(5);
    const lines = [{ sku, quantity: 2 }];
    const refused = await shop.order({ lines, expectedTotal: { amount: 3997, currency: 'EUR' } });
    const otherCurrency = await shop.order({ lines, expectedTotal: { amount: 3998, currency: 'USD' } });

    for (const answer of [refused, otherCurrency])
      expectProblem(answer, { status: 409, code: 'total_changed' });
    expect(await shop.available(sku)).toBe(5);
    const right = await shop.order(
      { lines, expectedTotal: { amount: 3998, currency: 'EUR' } },
      { waitSeconds: 20 },
    );
    expect(right.status).toBe(201);
  });

  it('answers 409 with every short line and reserves none of the others', async () => {
    const [plenty, few, none] = [await shop.product(30), await shop.product(3), await shop.product(0)];
    const answer = await shop.order({
      lines: [
        { sku: plenty, quantity: 1 },
        { sku: none, quantity: 1 },
        { sku: few, quantity: 2 },
        { sku: few, quantity: 2 },
      ],
    });

    expectProblem(answer, { status: 409, code: 'insufficient_stock' });
    expect(answer.body.shortfalls).toHaveLength(2);
    expect(answer.body.shortfalls).toEqual(
      expect.arrayContaining([
        { sku: none, requested: 1, available: 0 },
        { sku: few, requested: 4, available: 3 },
      ]),
    );
    expect(await shop.available(plenty)).toBe(30);
    expect(await shop.available(few)).toBe(3);
  });

  it('adds up several lines of one product', async () => {
    const sku = await shop.product(5);
    const lines = [
      { sku, quantity: 2 },
      { sku, quantity: 3 },
    ];
    const answer = await shop.order({ lines }, { waitSeconds: 20 });

    expect(answer.status).toBe(201);
    expect(answer.body.lines).toMatchObject([
      { sku, quantity: 5, unitPrice: { amount: 1999, currency: 'EUR' } },
    ]);
    expect(answer.body.total.amount).toBe(5 * 1999);
    expect(await shop.available(sku)).toBe(0);
  });

  it('is listed once, newest first, at any page size', async () => {
    const sku = await shop.product(20);
    const customerId = `cus_pages_${queue}`;
    const mine = await inParallel(
      7,
      7,
      async () => (await shop.order({ customerId, lines: [{ sku, quantity: 1 }] })).body.id,
    );
    const declined = await shop.order(
      { customerId, paymentMethod: 'pm_card_chargeDeclined', lines: [{ sku, quantity: 1 }] },
      { waitSeconds: 20 },
    );
    mine.push(declined.body.order.id);
    for (const id of mine) await shop.untilEnded(id);

    for (const limit of [1, 3, 8, 100]) {
      const found = (await shop.all(`/v1/orders?customerId=${customerId}`, limit, shop.client)).map(
        (order) => order.id,
      );
      expect(found).toEqual([...mine].sort().reverse());
    }
    const byStatus = async (status: string) =>
      (await shop.all(`/v1/orders?customerId=${customerId}&status=${status}`)).length;
    expect([
      await byStatus('placed'),
      await byStatus('rejected'),
      await byStatus('placed,rejected'),
      await byStatus('pending'),
    ]).toEqual([7, 1, 8, 0]);
    const first = await shop.client.get(`/v1/orders?customerId=${customerId}&limit=8`);
    expect(first.body).toMatchObject({ object: 'list', hasMore: false, nextCursor: null });
  });

  it('is reported in an event stream that closes when the order ends', async () => {
    const sku = await shop.product(5);
    const { body: order } = await shop.order({
      paymentMethod: 'pm_sandbox_slow_400',
      lines: [{ sku, quantity: 1 }],
    });
    const stream = await shop.client.get(`/v1/orders/${order.id}/events`);

    expect(stream.status).toBe(200);
    expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const events = eventsOf(stream.text);
    expect(events.length).toBeGreaterThan(1);
    expect(new Set(events.map((event) => event.id))).toEqual(new Set([order.id]));
    expect(events[0].status).toBe('pending');
    expect(events.at(-1)).toMatchObject({
      status: 'placed',
      payment: { status: 'captured' },
      saga: { status: 'completed' },
    });
  });

  it('is reported in one event if it has already ended', async () => {
    const order = await shop.placed(await shop.product(5));
    const stream = await shop.client.get(`/v1/orders/${order.id}/events`);

    expect(eventsOf(stream.text).map((event) => event.status)).toEqual(['placed']);
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});

function eventsOf(stream: string): any[] {
  return stream
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => JSON.parse(line.slice('data:'.length)));
}
