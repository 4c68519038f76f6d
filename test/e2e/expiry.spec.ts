import { expectProblem } from '../support/http-client';
import { describeOnEachQueueBackend } from '../support/redis';
import { type Shop, inParallel, openShop } from '../support/shop';
import { until } from '../support/until';

/** The promise is 5 s after the end of the reservation; the rest is for a machine that is busy with other tests. */
const backOnSaleWithinMs = 5_000 + 4_000;

describeOnEachQueueBackend('a reservation whose time is up', (queue) => {
  const shop = openShop({ queue });
  expiryPromises(shop);
});

describe('a reservation whose time is up, with every queue switched off', () => {
  const shop = openShop({ queue: 'postgres', env: { QUEUES: 'off' } });
  expiryPromises(shop);

  it('lets orders be placed all the same', async () => {
    const sku = await shop.product(3);
    expect((await shop.order({ lines: [{ sku, quantity: 1 }] }, { waitSeconds: 30 })).status).toBe(201);
  });

  it('has expired for everybody who looks while no worker runs, and its units go to the next buyer', async () => {
    await shop.service.kill('worker-1');
    const sku = await shop.product(2);
    const reservation = await shop.reserved(sku, 2, { ttlSeconds: 1 });
    const now = () => shop.client.get(`/v1/reservations/${reservation.id}`);
    await until('its time is up', async () => (await now()).body.status === 'expired');

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

  it('is not charged for: its order ends rejected when a worker comes back', async () => {
    await shop.service.kill('worker-1');
    const sku = await shop.product(2);
    const reservation = await shop.reserved(sku, 2, { customerId: 'cus_late', ttlSeconds: 1 });
    const body = { customerId: 'cus_late', reservationId: reservation.id };
    const accepted = await shop.order(body, { key: `late-${reservation.id}` });
    await until(
      'its time is up',
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

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});

function expiryPromises(shop: Shop): void {
  it('gives its units back within 5 s, and leaves those with time to live alone', async () => {
    const sku = await shop.product(5);
    const [expiring, living] = [
      await shop.reserved(sku, 3, { ttlSeconds: 2 }),
      await shop.reserved(sku, 1, { ttlSeconds: 300 }),
    ];

    expectProblem(await shop.order({ lines: [{ sku, quantity: 2 }] }), {
      status: 409,
      code: 'insufficient_stock',
    });
    const patience = Date.parse(expiring.expiresAt) - Date.now() + backOnSaleWithinMs;
    await until('its units are on sale', async () => (await shop.available(sku)) === 4, patience);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiring.expiresAt));
    for (const [verb, body] of [
      ['extend', { ttlSeconds: 60 }],
      ['confirm', {}],
    ] as const) {
      const answer = await shop.client.post(`/v1/reservations/${expiring.id}/${verb}`, body);
      expectProblem(answer, { status: 409, code: 'reservation_expired' });
    }
    expect((await shop.client.get(`/v1/reservations/${living.id}`)).body.status).toBe('active');
  });

  it('gives the units of a crowd back, each once', async () => {
    const skus = [await shop.product(60), await shop.product(60), await shop.product(60)];
    const made = await inParallel(60, 15, (index) =>
      shop.reserve({
        lines: skus.map((sku) => ({ sku, quantity: 1 })).sort(() => (index % 2) - 0.5),
        ttlSeconds: 2,
      }),
    );
    const lastEnd = Math.max(...made.map(({ body }) => Date.parse(body.expiresAt)));

    for (const sku of skus) {
      await until(
        `all of ${sku} is back`,
        async () => (await shop.available(sku)) === 60,
        lastEnd - Date.now() + backOnSaleWithinMs,
      );
    }
    for (const { body } of made)
      expect((await shop.client.get(`/v1/reservations/${body.id}`)).body.status).toBe('expired');
    await shop.expectAudit();
  });
}
