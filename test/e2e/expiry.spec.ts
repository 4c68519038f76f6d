import { expectProblem } from '../support/http-client';
import { describeOnEachQueueBackend } from '../support/redis';
import { type Shop, inParallel, openShop } from '../support/shop';
import { until } from '../support/until';

describeOnEachQueueBackend('an expiring reservation', (queue) => {
  const shop = openShop({ queue });
  expiryTests(shop);
});

describe('an expiring reservation with all queues off', () => {
  const shop = openShop({ queue: 'postgres', env: { QUEUES: 'off' } });
  expiryTests(shop);

  it('does not affect orders', async () => {
    const sku = await shop.product(3);
    expect((await shop.order({ lines: [{ sku, quantity: 1 }] }, { waitSeconds: 30 })).status).toBe(201);
  });

  it('reads as expired while no worker runs, and the next buyer gets its units', async () => {
    await shop.service.kill('worker-1');
    const sku = await shop.product(2);
    const reservation = await shop.reserved(sku, 2, { ttlSeconds: 1 });
    const now = () => shop.client.get(`/v1/reservations/${reservation.id}`);
    await until('the reservation has expired', async () => (await now()).body.status === 'expired');

    expect((await now()).body).toMatchObject({
      status: 'expired',
      endReason: 'expired',
      expiresInSeconds: 0,
    });
    const late = await shop.client.post(`/v1/reservations/${reservation.id}/confirm`, {});
    expectProblem(late, { status: 409, code: 'reservation_expired' });
    const next = await shop.order({ lines: [{ sku, quantity: 2 }] });
    expect([next.status, next.body.status]).toEqual([202, 'pending']);
    await shop.service.restart('worker-1');
    expect((await shop.untilEnded(next.body.id)).status).toBe('placed');
  });

  it('is never charged: its order is rejected when a worker runs again', async () => {
    await shop.service.kill('worker-1');
    const sku = await shop.product(2);
    const reservation = await shop.reserved(sku, 2, { customerId: 'cus_late', ttlSeconds: 1 });
    const body = { customerId: 'cus_late', reservationId: reservation.id };
    const accepted = await shop.order(body, { key: `late-${reservation.id}` });
    await until(
      'the reservation has expired',
      async () => (await shop.client.get(`/v1/reservations/${reservation.id}`)).body.status === 'expired',
    );
    await shop.service.restart('worker-1');
    const ended = await shop.order(body, { key: `late-${reservation.id}`, waitSeconds: 30 });

    expect(accepted.status).toBe(202);
    expectProblem(ended, { status: 409, code: 'reservation_expired' });
    expect(ended.headers.get('idempotent-replayed')).toBe('true');
    expect(ended.body.order).toMatchObject({
      status: 'rejected',
      rejectionReason: 'reservation_expired',
      payment: { status: 'none' },
    });
    expect(await shop.ledgerRow(accepted.body.id)).toBeUndefined();
    await shop.untilAvailable(sku, 2);
  });

  it('passes the audit against the provider’s ledger', () => shop.expectAudit());
});

function expiryTests(shop: Shop): void {
  it('returns its units to stock when it expires, and leaves one with time left untouched', async () => {
    const sku = await shop.product(5);
    const [expiring, living] = [
      await shop.reserved(sku, 3, { ttlSeconds: 2 }),
      await shop.reserved(sku, 1, { ttlSeconds: 300 }),
    ];

    expectProblem(await shop.order({ lines: [{ sku, quantity: 2 }] }), {
      status: 409,
      code: 'insufficient_stock',
    });
    await shop.untilAvailable(sku, 4);
    expect(await shop.expired(sku)).toEqual({ reservations: 1, early: 0 });
    for (const [verb, body] of [
      ['extend', { ttlSeconds: 60 }],
      ['confirm', {}],
    ] as const) {
      const answer = await shop.client.post(`/v1/reservations/${expiring.id}/${verb}`, body);
      expectProblem(answer, { status: 409, code: 'reservation_expired' });
    }
    expect((await shop.client.get(`/v1/reservations/${living.id}`)).body.status).toBe('active');
  });

  it('returns the units of 60 reservations, each once', async () => {
    const skus = [await shop.product(60), await shop.product(60), await shop.product(60)];
    await inParallel(60, 15, (index) =>
      shop.reserve({
        lines: skus.map((sku) => ({ sku, quantity: 1 })).sort(() => (index % 2) - 0.5),
        ttlSeconds: 2,
      }),
    );

    for (const sku of skus) await shop.untilAvailable(sku, 60);
    for (const sku of skus) expect(await shop.expired(sku)).toEqual({ reservations: 60, early: 0 });
    await shop.expectAudit();
  });
}
