import { randomUUID } from 'node:crypto';
import IORedis from 'ioredis';
import { describeWithRedis } from '../support/redis';
import { inParallel, openShop, tally } from '../support/shop';
import { until } from '../support/until';

describeWithRedis('a service with its queues on Redis', () => {
  const shop = openShop({ queue: 'redis', apis: 1 });
  const ready = () => shop.stranger.get('/health/ready');
  const untilReadyIs = (status: string) =>
    until(`readiness is ${status}`, async () => (await ready()).body.status === status);

  /** What the dashboard reports about the queues; it never waits long for them. */
  const overviewWhen = (what: string, isSo: (queues: any) => boolean) =>
    until(what, async () => {
      const { status, body } = await shop.viewer.patientFor(5_000).get('/v1/admin/overview');
      return status === 200 && isSo(body.queues) && body.queues;
    });

  async function expectBusinessAsUsual() {
    const sku = await shop.product(20);
    const answers = await inParallel(10, 10, (index) =>
      shop.order(
        {
          paymentMethod: index % 5 ? 'pm_card_visa' : 'pm_card_chargeDeclined',
          lines: [{ sku, quantity: 1 }],
        },
        { waitSeconds: 30 },
      ),
    );
    expect(tally(answers, ({ status }) => status)).toEqual({ 201: 8, 402: 2 });
    const reservation = await shop.reserved(sku, 5, { ttlSeconds: 1 });
    await until('an expired reservation is back on sale', async () => (await shop.available(sku)) === 12);
    expect((await shop.client.get(`/v1/reservations/${reservation.id}`)).body.status).toBe('expired');
  }

  /** Messages sent to a lost queue are resent after a minute; messages that were never sent go out at once. */
  const untilSent = () =>
    until(
      'every message is sent',
      async () =>
        (await shop.query('SELECT id FROM outbox WHERE relayed_at IS NULL AND applied_at IS NULL')).length ===
        0,
    );

  beforeEach(() => shop.revive('api-1', 'worker-1'));

  it('is not degraded while Redis is up', async () => {
    await expectBusinessAsUsual();
    expect((await ready()).body).toEqual({ status: 'ok', degraded: [] });
  });

  it('takes, charges, places and expires orders while Redis is down, and reports degraded', async () => {
    await shop.service.kill('redis');
    await expectBusinessAsUsual();
    const { status, body } = await ready();

    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'degraded', degraded: [{ part: expect.stringMatching(/redis/i) }] });
    const { queues } = await overviewWhen('the queues are away', ({ trouble }) => trouble !== null);
    expect(queues).toMatchObject([{ waiting: null, active: null }, {}, {}, {}]);
  });

  it('starts without Redis and catches up when Redis is back', async () => {
    await shop.service.kill('redis');
    await Promise.all(['api-1', 'worker-1'].map((name) => shop.service.restart(name)));
    await untilReadyIs('degraded');
    await expectBusinessAsUsual();
    await shop.service.restart('redis');
    await expectBusinessAsUsual();

    await untilSent();
    await untilReadyIs('ok');
  });

  it('notices that Redis is back without a new order', async () => {
    await shop.revive('redis');
    await untilReadyIs('ok');
    await shop.service.kill('redis');
    await untilReadyIs('degraded');
    await shop.service.restart('redis');
    await untilReadyIs('ok');
    await overviewWhen('the queues are back', (seen) => !seen.trouble && seen.queues[0].waiting === 0);
  });

  it('makes no request wait for a Redis that hangs', async () => {
    const sku = await shop.product(20);
    await shop.revive('redis');
    await shop.service.kill('redis', 'SIGSTOP');
    try {
      const accepted = await shop.order({ lines: [{ sku, quantity: 1 }] }, { key: randomUUID() });
      expect(accepted.status).toBeLessThan(300);
      await expectBusinessAsUsual();
      expect((await ready()).body.status).toBe('degraded');
    } finally {
      await shop.service.kill('redis', 'SIGCONT');
    }
  });

  it('reports a Redis that may evict jobs, and how to fix it', async () => {
    await shop.revive('redis');
    await untilReadyIs('ok');
    const redis = new IORedis(shop.service.redisUrl!);
    try {
      for (const policy of ['allkeys-lru', 'volatile-ttl']) {
        await redis.config('SET', 'maxmemory-policy', policy);
        const { status, body } = await ready();
        expect(status).toBe(200);
        expect(body).toEqual({
          status: 'degraded',
          degraded: [
            { part: 'queue (redis)', detail: expect.stringContaining(`maxmemory-policy ${policy}`) },
          ],
        });
        expect(body.degraded[0].detail).toContain('redis-cli CONFIG SET maxmemory-policy noeviction');
      }
      await expectBusinessAsUsual();
      await redis.config('SET', 'maxmemory-policy', 'noeviction');
      expect((await ready()).body).toEqual({ status: 'ok', degraded: [] });
    } finally {
      redis.disconnect();
    }
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
