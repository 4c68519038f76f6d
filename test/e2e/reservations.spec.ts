import { expectProblem } from '../support/http-client';
import { inParallel, openShop } from '../support/shop';
import { until } from '../support/until';

describe('a reservation', () => {
  const shop = openShop({ queue: 'postgres', env: { RESERVATION_LIFETIME_SECONDS_MAX: '300' } });
  const act = (id: string, verb: string, body: object = {}) =>
    shop.client.post(`/v1/reservations/${id}/${verb}`, body);
  const now = async (id: string) => (await shop.client.get(`/v1/reservations/${id}`)).body;

  it('keeps its units until its TTL ends', async () => {
    const [sku, other] = [await shop.product(10), await shop.product(10)];
    const answer = await shop.reserve({
      customerId: 'cus_42',
      lines: [{ sku, quantity: 3 }],
      ttlSeconds: 60,
      metadata: { basket: 'b-17' },
    });

    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      id: expect.stringMatching(/^rsv_[0-9a-z]{26}$/),
      object: 'reservation',
      status: 'active',
      customerId: 'cus_42',
      lines: [
        { sku, quantity: 3, unitPrice: { amount: 1999, currency: 'EUR' }, fencingToken: expect.any(Number) },
      ],
      total: { amount: 5997, currency: 'EUR' },
      extensionsUsed: 0,
      endReason: null,
      orderId: null,
      metadata: { basket: 'b-17' },
    });
    const { expiresInSeconds, expiresAt, createdAt, maxExpiresAt } = answer.body;
    expect(expiresInSeconds).toBeLessThanOrEqual(60);
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(60_000);
    expect(Date.parse(maxExpiresAt) - Date.parse(createdAt)).toBe(300_000);
    expect((await now(answer.body.id)).lines).toEqual(answer.body.lines);
    expect((await shop.client.get(`/v1/stock?sku=${sku}&sku=${other}`)).body.data).toEqual(
      [
        { sku, onHand: 10, reserved: 3, safetyStock: 0, available: 7 },
        { sku: other, onHand: 10, reserved: 0, safetyStock: 0, available: 10 },
      ].sort((a, b) => (a.sku < b.sku ? -1 : 1)),
    );
  });

  it('keeps its price when the product’s price changes', async () => {
    const sku = await shop.product(5);
    const reservation = await shop.reserved(sku, 2, { customerId: 'cus_price' });
    const dearer = { name: 'Dearer', unitPrice: { amount: 9999, currency: 'USD' } };
    await shop.admin.put(`/v1/admin/products/${sku}`, dearer, { headers: { 'if-match': '"1"' } });
    const order = await shop.order(
      { customerId: 'cus_price', reservationId: reservation.id },
      { waitSeconds: 20 },
    );

    expect([order.status, order.body.total]).toEqual([201, { amount: 3998, currency: 'EUR' }]);
    expect(await shop.ledgerRow(order.body.id)).toMatchObject({ currency: 'EUR', captured: 3998 });
  });

  it('gets a higher fencing token with every grant of the product', async () => {
    const sku = await shop.product(40);
    const tokens = await inParallel(20, 10, async () => (await shop.reserved(sku)).lines[0].fencingToken);

    expect(new Set(tokens).size).toBe(20);
    expect((await shop.reserved(sku)).lines[0].fencingToken).toBeGreaterThan(Math.max(...tokens));
  });

  // How each state is reached, and the response to each request in it. The rows are the lifecycle.
  describe.each([
    // state       extend                            confirm                           release                           order
    ['active', 'ok', 'ok', 'ok', 'ok'],
    [
      'confirmed',
      'reservation_already_confirmed',
      'ok',
      'reservation_already_confirmed',
      'reservation_already_confirmed',
    ],
    [
      'released',
      'reservation_already_released',
      'reservation_already_released',
      'ok',
      'reservation_already_released',
    ],
    ['expired', 'reservation_expired', 'reservation_expired', 'ok', 'reservation_expired'],
  ])('that is %s', (state, extend, confirm, release, order) => {
    async function inState(sku: string) {
      const reservation = await shop.reserved(sku, 1, {
        customerId: 'cus_state',
        ttlSeconds: state === 'expired' ? 1 : 120,
      });
      if (state === 'confirmed') await act(reservation.id, 'confirm');
      if (state === 'released') await act(reservation.id, 'release');
      await until(`it is ${state}`, async () => (await now(reservation.id)).status === state);
      return reservation;
    }

    it.each([
      ['extend', extend, 'active'],
      ['confirm', confirm, 'confirmed'],
      ['release', release, 'released'],
    ])('answers %s with %s', async (verb, outcome, becomes) => {
      const sku = await shop.product(3);
      const [reservation, bystander] = [await inState(sku), await shop.reserved(sku)];
      const answer = await act(reservation.id, verb, verb === 'extend' ? { ttlSeconds: 240 } : {});

      if (outcome === 'ok')
        expect([answer.status, answer.body.status]).toEqual([200, state === 'active' ? becomes : state]);
      else expectProblem(answer, { status: 409, code: outcome });
      expect((await now(reservation.id)).status).toBe(
        outcome === 'ok' && state === 'active' ? becomes : state,
      );
      expect((await now(bystander.id)).status).toBe('active');
      const isHeld = ['active', 'confirmed'].includes((await now(reservation.id)).status);
      await shop.untilAvailable(sku, isHeld ? 1 : 2);
    });

    it(`answers an order on it with ${order}`, async () => {
      const sku = await shop.product(3);
      const reservation = await inState(sku);
      const answer = await shop.order(
        { customerId: 'cus_state', reservationId: reservation.id },
        { waitSeconds: 20 },
      );

      if (order !== 'ok') return expectProblem(answer, { status: 409, code: order });
      expect([answer.status, answer.body.reservationId]).toEqual([201, reservation.id]);
      expect(await now(reservation.id)).toMatchObject({ status: 'confirmed', orderId: answer.body.id });
    });
  });

  it('is extended from the current time and never shortened', async () => {
    const reservation = await shop.reserved(await shop.product(3), 1, { ttlSeconds: 100 });
    const longer = await act(reservation.id, 'extend', { ttlSeconds: 250 });
    const shorter = await act(reservation.id, 'extend', { ttlSeconds: 5 });

    expect(longer.body.expiresInSeconds).toBeGreaterThan(150);
    expect(longer.body.extensionsUsed).toBe(1);
    expect(shorter.body.expiresAt).toBe(longer.body.expiresAt);
    expect(shorter.body.maxExpiresAt).toBe(reservation.maxExpiresAt);
  });

  it('cannot be extended beyond its lifetime by repeated extensions', async () => {
    const reservation = await shop.reserved(await shop.product(3), 1, { ttlSeconds: 60 });

    for (const ttlSeconds of [200, 280])
      expect((await act(reservation.id, 'extend', { ttlSeconds })).status).toBe(200);
    const answer = await act(reservation.id, 'extend', { ttlSeconds: 301 });
    expectProblem(answer, { status: 409, code: 'reservation_lifetime_exceeded' });
    const { extensionsUsed, expiresInSeconds, maxExpiresAt } = await now(reservation.id);
    expect([extensionsUsed, maxExpiresAt]).toEqual([2, reservation.maxExpiresAt]);
    expect(expiresInSeconds).toBeLessThanOrEqual(280);
  });

  it('is ended by exactly one of many concurrent requests', async () => {
    const sku = await shop.product(30);
    for (let round = 0; round < 3; round++) {
      const [reservation, bystander] = [await shop.reserved(sku, 2), await shop.reserved(sku)];
      const verbs = [
        'confirm',
        'release',
        'extend',
        'confirm',
        'release',
        'extend',
        'confirm',
        'release',
        'extend',
        'release',
      ];
      const answers = await Promise.all(
        verbs.map((verb) => act(reservation.id, verb, verb === 'extend' ? { ttlSeconds: 200 } : {})),
      );

      const { status } = await now(reservation.id);
      expect(['confirmed', 'released']).toContain(status);
      for (const [index, answer] of answers.entries()) {
        const isItsEnd =
          (verbs[index] === 'confirm') === (status === 'confirmed') && verbs[index] !== 'extend';
        if (answer.status !== 200)
          expectProblem(answer, { status: 409, code: `reservation_already_${status}` });
        else if (verbs[index] !== 'extend') expect([verbs[index], isItsEnd]).toEqual([verbs[index], true]);
      }
      expect((await now(bystander.id)).status).toBe('active');
      await shop.client.post(`/v1/reservations/${bystander.id}/release`, {});
    }
  });

  it('accepts only one order', async () => {
    const sku = await shop.product(3);
    const reservation = await shop.reserved(sku, 1, { customerId: 'cus_one' });
    const orders = await Promise.all(
      Array.from({ length: 8 }, () =>
        shop.order({ customerId: 'cus_one', reservationId: reservation.id }, { waitSeconds: 20 }),
      ),
    );

    expect(orders.filter((answer) => answer.status === 201)).toHaveLength(1);
    for (const answer of orders.filter(({ status }) => status !== 201))
      expectProblem(answer, { status: 409 });
    expect(await shop.available(sku)).toBe(2);
  });

  it('accepts no order of another customer', async () => {
    const sku = await shop.product(3);
    const reservation = await shop.reserved(sku, 1, { customerId: 'cus_owner' });
    const answer = await shop.order({ customerId: 'cus_other', reservationId: reservation.id });

    expectProblem(answer, { status: 409, code: 'reservation_of_another_customer' });
    expect(await now(reservation.id)).toMatchObject({ status: 'active', orderId: null });
  });

  it('can be ended only by its saga while its charge is in flight', async () => {
    const sku = await shop.product(3);
    const reservation = await shop.reserved(sku, 1, { customerId: 'cus_pinned' });
    const { body: order } = await shop.order({
      customerId: 'cus_pinned',
      reservationId: reservation.id,
      paymentMethod: 'pm_sandbox_slow_1000',
    });
    await until('it is pinned', async () => (await now(reservation.id)).status === 'pinned');

    for (const [verb, body] of [
      ['release', {}],
      ['confirm', {}],
      ['extend', { ttlSeconds: 60 }],
    ] as const) {
      expectProblem(await act(reservation.id, verb, body), { status: 409, code: 'reservation_pinned' });
    }
    const forced = await shop.admin.post(`/v1/admin/reservations/${reservation.id}/release`, {
      reason: 'customer called',
    });
    expectProblem(forced, { status: 409, code: 'reservation_pinned' });
    expect((await shop.untilEnded(order.id)).status).toBe('placed');
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
