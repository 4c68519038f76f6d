import { randomUUID } from 'node:crypto';
import { expectProblem } from '../support/http-client';
import { inParallel, openShop, tally } from '../support/shop';

describe('an idempotency key', () => {
  const shop = openShop({ queue: 'postgres', apis: 2 });
  const apiOf = (index: number) => shop.client.at(shop.service.apis[index % 2]!);

  it('makes one order of many copies that arrive at two API processes at once', async () => {
    const sku = await shop.product(100);
    const [body, key] = [{ customerId: 'cus_same', lines: [{ sku, quantity: 2 }] }, randomUUID()];
    const bystander = await shop.order({ lines: [{ sku, quantity: 1 }] }, { waitSeconds: 20 });
    const answers = await inParallel(50, 50, (index) =>
      shop.order(body, { by: apiOf(index), key, waitSeconds: index % 3 ? 20 : 0 }),
    );

    const [id] = [...new Set(answers.map((answer) => answer.body.id))];
    expect(tally(answers, (answer) => answer.body.id ?? answer.text)).toEqual({ [id]: 50 });
    expect(tally(answers, (answer) => answer.headers.get('idempotent-replayed') ?? 'first')).toEqual({
      first: 1,
      true: 49,
    });
    expect(answers.filter(({ status }) => ![201, 202].includes(status))).toEqual([]);
    expect((await shop.untilEnded(id)).status).toBe('placed');
    expect(await shop.available(sku)).toBe(97);
    expect(await shop.ledgerRow(id)).toMatchObject({ captured: 3998 });
    expect(await shop.all(`/v1/admin/reservations?sku=${sku}`)).toHaveLength(2);
    expect(id).not.toBe(bystander.body.id);
  });

  it('makes one reservation of many copies that arrive at once', async () => {
    const sku = await shop.product(100);
    const [body, key] = [{ customerId: 'cus_same', lines: [{ sku, quantity: 2 }] }, randomUUID()];
    const answers = await inParallel(50, 50, (index) => shop.reserve(body, { by: apiOf(index), key }));

    expect(tally(answers, (answer) => answer.body.id ?? answer.text)).toEqual({ [answers[0]!.body.id]: 50 });
    expect(tally(answers, (answer) => answer.headers.get('idempotent-replayed') ?? 'first')).toEqual({
      first: 1,
      true: 49,
    });
    expect(tally(answers, (answer) => answer.status)).toEqual({ 201: 50 });
    expect(await shop.available(sku)).toBe(98);
  });

  it('replays the current state of the resource', async () => {
    const sku = await shop.product(5);
    const [body, key] = [{ customerId: 'cus_now', lines: [{ sku, quantity: 1 }] }, randomUUID()];
    const made = await shop.reserve(body, { key });
    await shop.client.post(`/v1/reservations/${made.body.id}/release`, {});
    const again = await shop.reserve(body, { key });

    expect([made.headers.has('idempotent-replayed'), again.headers.get('idempotent-replayed')]).toEqual([
      false,
      'true',
    ]);
    expect([again.body.id, again.body.status]).toEqual([made.body.id, 'released']);
    expect(await shop.available(sku)).toBe(5);
  });

  it('is refused for another body, also while the first request is still being charged', async () => {
    const sku = await shop.product(20);
    const body = {
      customerId: 'cus_other',
      paymentMethod: 'pm_sandbox_slow_1000',
      lines: [{ sku, quantity: 1 }],
    };
    const key = randomUUID();
    const first = shop.order(body, { key, waitSeconds: 20 });
    const { body: pending } = await shop.order(body, { key });
    const others = [
      { ...body, lines: [{ sku, quantity: 2 }] },
      { ...body, customerId: 'cus_another' },
      { ...body, paymentMethod: 'pm_card_visa' },
      { ...body, metadata: { basket: 'b-17' } },
    ];
    const inFlight = await Promise.all(others.map((other) => shop.order(other, { key })));

    expect(pending.status).toBe('pending');
    expect((await first).status).toBe(201);
    const ended = await Promise.all(others.map((other) => shop.order(other, { key })));
    for (const answer of [...inFlight, ...ended])
      expectProblem(answer, { status: 422, code: 'idempotency_key_reused' });
    expect(await shop.available(sku)).toBe(19);
  });

  it('is refused for another body of a reservation', async () => {
    const sku = await shop.product(20);
    const key = randomUUID();
    await shop.reserve({ customerId: 'cus_a', lines: [{ sku, quantity: 1 }] }, { key });

    for (const body of [
      { customerId: 'cus_b', lines: [{ sku, quantity: 1 }] },
      { customerId: 'cus_a', lines: [{ sku, quantity: 2 }] },
    ]) {
      expectProblem(await shop.reserve(body, { key }), { status: 422, code: 'idempotency_key_reused' });
    }
    expect(await shop.available(sku)).toBe(19);
  });

  it('is the same with and without quotes, and the body is the same with its fields in another order', async () => {
    const sku = await shop.product(20);
    const key = randomUUID();
    const bare = await shop.order({ customerId: 'cus_q', lines: [{ sku, quantity: 1 }] }, { key });
    const quoted = await shop.order(
      { lines: [{ quantity: 1, sku }], customerId: 'cus_q' },
      { key: `"${key}"` },
    );

    expect(bare.status).toBeLessThan(300);
    expect(quoted.body.id).toBe(bare.body.id);
    expect(quoted.headers.get('idempotent-replayed')).toBe('true');
    expect(await shop.available(sku)).toBe(19);
  });

  type Mend = (sku: string) => Promise<unknown>;
  const restock: Mend = (sku) =>
    shop.admin.post(`/v1/admin/products/${sku}/adjustments`, { delta: 1, reason: 'restock' });
  const cheapen: Mend = (sku) => {
    const product = { name: 'Cheaper', unitPrice: { amount: 999, currency: 'EUR' } };
    return shop.admin.put(`/v1/admin/products/${sku}`, product, { headers: { 'if-match': '*' } });
  };
  it.each([
    ['sold out', 409, 'insufficient_stock', restock, 0],
    ['shown at another price', 409, 'total_changed', cheapen, 1],
  ])(
    'can succeed after it was refused because the product was %s',
    async (_why, status, code, mend, onHand) => {
      const sku = await shop.product(onHand);
      const key = randomUUID();
      const total = code === 'total_changed' ? { expectedTotal: { amount: 999, currency: 'EUR' } } : {};
      const body = { customerId: 'cus_again', lines: [{ sku, quantity: 1 }], ...total };

      expectProblem(await shop.order(body, { key }), { status, code });
      await mend(sku);
      const won = await shop.order(body, { key, waitSeconds: 20 });
      expect([won.status, won.headers.has('idempotent-replayed')]).toEqual([201, false]);
      expect(await shop.available(sku)).toBe(0);
    },
  );

  it('can be used with another body after a refusal, because a refusal stores nothing', async () => {
    const sku = await shop.product(1);
    const key = randomUUID();

    expectProblem(await shop.order({ lines: [{ sku, quantity: 2 }] }, { key }), {
      status: 409,
      code: 'insufficient_stock',
    });
    expectProblem(await shop.order({ lines: [{ sku: 'NOPE', quantity: 1 }] }, { key }), {
      status: 422,
      code: 'validation_failed',
    });
    expect((await shop.order({ lines: [{ sku, quantity: 1 }] }, { key, waitSeconds: 20 })).status).toBe(201);
  });

  it('is scoped to its caller and its operation', async () => {
    const sku = await shop.product(20);
    const [body, key] = [{ customerId: 'cus_scope', lines: [{ sku, quantity: 1 }] }, randomUUID()];
    const other = await shop.newClient();
    const [mine, theirs, admins] = [
      await shop.order(body, { key }),
      await shop.order(body, { key, by: other }),
      await shop.order(body, { key, by: shop.admin }),
    ];
    const reservation = await shop.reserve(body, { key });
    const made = [mine, theirs, admins, reservation];

    expect(made.filter(({ status }) => status >= 300)).toEqual([]);
    expect(new Set(made.map(({ body: one }) => one.id)).size).toBe(4);
    expect(made.filter(({ headers }) => headers.has('idempotent-replayed'))).toEqual([]);
    expect((await shop.order(body, { key, by: other })).body.id).toBe(theirs.body.id);
    expect(await shop.available(sku)).toBe(16);
    const cancelled = await shop.requestCancellation(mine.body.id, 'cancel', { key });
    expect(cancelled.headers.has('idempotent-replayed')).toBe(false);
  });

  it('replays a decline without another charge', async () => {
    const sku = await shop.product(5);
    const [body, key] = [
      { customerId: 'cus_no', paymentMethod: 'pm_card_chargeDeclined', lines: [{ sku, quantity: 1 }] },
      randomUUID(),
    ];
    const declined = await shop.order(body, { key, waitSeconds: 20 });
    const again = await inParallel(5, 5, () => shop.order(body, { key, waitSeconds: 20 }));

    expectProblem(declined, { status: 402, code: 'payment_declined' });
    expect(declined.headers.has('idempotent-replayed')).toBe(false);
    for (const answer of again) {
      expectProblem(answer, { status: 402, code: 'payment_declined' });
      expect(answer.headers.get('idempotent-replayed')).toBe('true');
      expect(answer.body.order.id).toBe(declined.body.order.id);
    }
    // The authorization and its cancellation.
    expect(await shop.ledgerRow(declined.body.order.id)).toMatchObject({ attempts: 2, captured: 0 });
    expect(await shop.available(sku)).toBe(5);
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
