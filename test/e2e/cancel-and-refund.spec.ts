import { expectProblem } from '../support/http-client';
import { openShop } from '../support/shop';
import { until } from '../support/until';

describe('cancellations and refunds over HTTP', () => {
  const shop = openShop({ queue: 'postgres' });

  /** An order whose charge is in flight, and its SKU. */
  async function charging(paymentMethod: string, step = 'authorize-payment') {
    const sku = await shop.product(5);
    const { body } = await shop.order({ paymentMethod, lines: [{ sku, quantity: 2 }] });
    await until(`${step} is asked for`, async () => {
      const { body: saga } = await shop.admin.get(`/v1/admin/orders/${body.id}/saga`);
      return (
        saga.step === step &&
        saga.operations.some((one: any) => step.startsWith(one.kind) && one.status === 'sent')
      );
    });
    return { sku, id: body.id as string };
  }

  it('voids the authorization of an order that is cancelled during the authorization', async () => {
    const bystander = await shop.placed(await shop.product(5));
    const { sku, id } = await charging('pm_sandbox_slow_1500');
    const answer = await shop.requestCancellation(id, 'cancel');

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      id,
      status: 'rejected',
      rejectionReason: 'cancelled',
      saga: { status: 'compensated' },
    });
    expect(await shop.ledgerRow(id)).toMatchObject({
      authorized: 3998,
      captured: 0,
      voided: 3998,
      refunded: 0,
    });
    expect(await shop.available(sku)).toBe(5);
    expect((await shop.orderNow(bystander.id)).status).toBe('placed');
  });

  it('answers 202 while the provider is silent, and ends the order later', async () => {
    const { sku, id } = await charging('pm_sandbox_slow_1500');
    const answer = await shop.requestCancellation(id, 'cancel', { waitSeconds: 0 });

    expect(answer.status).toBe(202);
    expect(answer.headers.has('retry-after')).toBe(true);
    expect(answer.body.status).toBe('pending');
    expect(await shop.untilEnded(id)).toMatchObject({ status: 'rejected', rejectionReason: 'cancelled' });
    expect(await shop.available(sku)).toBe(5);
  });

  it('refunds an order that is cancelled during the capture', async () => {
    const { sku, id } = await charging('pm_sandbox_slow_1500', 'capture-payment');
    const answer = await shop.requestCancellation(id, 'cancel');

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      status: 'cancelled',
      rejectionReason: null,
      payment: { status: 'refunded' },
    });
    expect(await shop.ledgerRow(id)).toMatchObject({ captured: 3998, refunded: 3998 });
    expect(await shop.available(sku)).toBe(5);
  });

  it.each([
    ['cancel', 'cancelled'],
    ['refund', 'refunded'],
  ] as const)('%ss a placed order and returns its money and stock', async (by, status) => {
    const sku = await shop.product(5);
    const [order, bystander] = [await shop.placed(sku, 2), await shop.placed(sku, 1)];
    const answer = await shop.requestCancellation(order.id, by);

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      status,
      payment: { status: 'refunded' },
      saga: { status: 'compensated' },
    });
    expect(answer.body.placedAt).toBe(order.placedAt);
    expect(await shop.ledgerRow(order.id)).toMatchObject({ captured: 3998, refunded: 3998 });
    expect(await shop.ledgerRow(bystander.id)).toMatchObject({ captured: 1999, refunded: 0 });
    expect(await shop.available(sku)).toBe(4);
  });

  it('ends an order once when requested many times under different keys', async () => {
    const sku = await shop.product(5);
    const order = await shop.placed(sku, 2);
    const same = Array.from({ length: 5 }, () =>
      shop.requestCancellation(order.id, 'cancel', { key: `again-${order.id}` }),
    );
    const fresh = Array.from({ length: 5 }, () => shop.requestCancellation(order.id, 'cancel'));
    const answers = await Promise.all([...same, ...fresh]);
    answers.push(await shop.requestCancellation(order.id, 'cancel'));

    for (const answer of answers) expect([answer.status, answer.body.status]).toEqual([200, 'cancelled']);
    const replayed = answers
      .slice(0, 5)
      .filter((answer) => answer.headers.get('idempotent-replayed') === 'true');
    expect(replayed).toHaveLength(4);
    expect(await shop.ledgerRow(order.id)).toMatchObject({ captured: 3998, refunded: 3998 });
    expect(await shop.available(sku)).toBe(5);
  });

  it('refuses the same key for two orders', async () => {
    const sku = await shop.product(5);
    const [order, other] = [await shop.placed(sku), await shop.placed(sku)];
    await shop.requestCancellation(order.id, 'cancel', { key: `one-${order.id}` });
    const answer = await shop.requestCancellation(other.id, 'cancel', { key: `one-${order.id}` });

    expectProblem(answer, { status: 422, code: 'idempotency_key_reused' });
    expect((await shop.orderNow(other.id)).status).toBe('placed');
  });

  it('answers order_already_rejected for a rejected order', async () => {
    const sku = await shop.product(5);
    const declined = await shop.order(
      { paymentMethod: 'pm_card_chargeDeclined', lines: [{ sku, quantity: 2 }] },
      { waitSeconds: 20 },
    );
    const { id } = declined.body.order;

    for (const by of ['cancel', 'refund'] as const) {
      expectProblem(await shop.requestCancellation(id, by), { status: 409, code: 'order_already_rejected' });
    }
    expect(await shop.available(sku)).toBe(5);
    expect(await shop.orderNow(id)).toMatchObject({
      status: 'rejected',
      rejectionReason: 'payment_declined',
    });
  });

  it('answers order_not_placed to a refund of a pending order, and places it', async () => {
    const { id } = await charging('pm_sandbox_slow_1000');
    const key = `later-${id}`;

    expectProblem(await shop.requestCancellation(id, 'refund', { key }), {
      status: 409,
      code: 'order_not_placed',
    });
    expect((await shop.untilEnded(id)).status).toBe('placed');
    const later = await shop.requestCancellation(id, 'refund', { key });
    expect([later.status, later.body.status]).toEqual([200, 'refunded']);
  });

  it('shows a cancelled order when its creation is repeated', async () => {
    const sku = await shop.product(5);
    const body = { customerId: 'cus_repeats', lines: [{ sku, quantity: 1 }] };
    const placed = await shop.order(body, { key: `made-${sku}`, waitSeconds: 20 });
    await shop.requestCancellation(placed.body.id, 'cancel');
    const again = await shop.order(body, { key: `made-${sku}`, waitSeconds: 20 });

    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect([again.status, again.body.id, again.body.status]).toEqual([200, placed.body.id, 'cancelled']);
    expect(await shop.available(sku)).toBe(5);
  });

  it('never captures another amount, and voids it when the order is cancelled', async () => {
    const sku = await shop.product(5);
    const { body: order } = await shop.order({
      paymentMethod: 'pm_sandbox_amount_mismatch',
      lines: [{ sku, quantity: 1 }],
    });
    const stuck = await until('the saga is stuck', async () => {
      const now = await shop.orderNow(order.id);
      return now.saga.status === 'stuck' && now;
    });

    expect(stuck).toMatchObject({ status: 'pending', payment: { status: 'unknown' } });
    expect(await shop.ledgerRow(order.id)).toMatchObject({ authorized: 2000, captured: 0 });
    expect(await shop.available(sku)).toBe(4);
    const answer = await shop.requestCancellation(order.id, 'cancel');
    expect(answer.body).toMatchObject({ status: 'rejected', rejectionReason: 'cancelled' });
    expect(await shop.ledgerRow(order.id)).toMatchObject({ captured: 0, voided: 2000 });
    expect(await shop.available(sku)).toBe(5);
  });

  it('ships and refunds in parts: 201 and 202, and the ledger of the provider has both refunds', async () => {
    const sku = await shop.product(5);
    const { id } = await shop.placed(sku, 2);
    const post = (path: string, body: object, key: string) =>
      shop.client.post(`/v1/orders/${id}/${path}`, body, { headers: { 'idempotency-key': `${key}-${id}` } });
    const shipped = await post('shipments', { lines: [{ sku, quantity: 1 }], reference: 'DHL 1' }, 'ship');
    expect([shipped.status, shipped.body.fulfilment]).toEqual([201, 'partial']);
    const again = await post('shipments', { lines: [{ sku, quantity: 1 }], reference: 'DHL 1' }, 'ship');
    expect([again.status, again.headers.get('idempotent-replayed'), again.body.shipments.length]).toEqual([
      201,
      'true',
      1,
    ]);
    const refunds = [
      await post('refunds', { amount: 500, reason: 'scratched' }, 'one'),
      await post('refunds', { lines: [{ sku, quantity: 1 }], reason: 'one too many' }, 'two'),
    ];
    expect(refunds.map(({ status, body }) => [status, body.payment.status])).toEqual([
      [202, 'refunding'],
      [202, 'refunding'],
    ]);
    const order = await until('both are refunded', async () => {
      const now = await shop.orderNow(id);
      return now.refunds.every(({ status }: any) => status === 'succeeded') && now;
    });
    expect(order.payment).toMatchObject({
      status: 'partially_refunded',
      capturedAmount: { amount: 3998 },
      refundedAmount: { amount: 2499 },
    });
    expect(await shop.ledgerRow(id)).toMatchObject({ captured: 3998, refunded: 2499 });
    expect((await shop.requestCancellation(id, 'cancel')).body.code).toBe('order_shipped');
  });

  it('captures an order when it ships: 202, and the goods leave when the provider has the money', async () => {
    const sku = await shop.product(5);
    const { body: held } = await shop.order(
      { capture: 'on_shipment', lines: [{ sku, quantity: 2 }] },
      { waitSeconds: 20 },
    );
    expect([held.status, held.payment.status]).toEqual(['placed', 'authorized']);
    const headers = { 'idempotency-key': `ship-${held.id}` };
    const shipped = await shop.client.post(`/v1/orders/${held.id}/shipments`, {}, { headers });
    expect([shipped.status, shipped.body.shipments[0].status]).toEqual([202, 'pending']);
    await until('the goods have left', async () => (await shop.orderNow(held.id)).fulfilment === 'shipped');
    expect(await shop.ledgerRow(held.id)).toMatchObject({ captured: 3998, voided: 0 });
    expect(await shop.available(sku)).toBe(3);
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
