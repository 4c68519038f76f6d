import { randomUUID } from 'node:crypto';
import { Holdfast } from '../../packages/client/src/client';
import { inParallel, openShop, tally } from '../support/shop';
import { TcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';

describe('an interrupted service', () => {
  const env = { PAYMENT_TIMEOUT_MS: '1000', SAGA_LEASE_MS: '2500', SWEEP_MS: '200' };
  const shop = openShop({ queue: 'postgres', apis: 2, workers: 2, env });
  const apiOf = (index: number) => shop.client.at(shop.service.apis[index % 2]!);
  const workers = ['worker-1', 'worker-2'];
  const processes = ['api-1', 'api-2', ...workers];

  beforeEach(() => shop.revive(...processes));

  it('answers waiting requests before a stopping API process exits', async () => {
    const sku = await shop.product(5);
    const key = randomUUID();
    const body = {
      customerId: 'cus_patient',
      paymentMethod: 'pm_sandbox_slow_900',
      lines: [{ sku, quantity: 1 }],
    };
    const waiting = shop.order(body, { by: apiOf(1), key, waitSeconds: 30 });
    waiting.catch(() => undefined);
    const { body: pending } = await until('the order is there', async () => {
      const found = await shop.client.get('/v1/orders?customerId=cus_patient');
      return found.body.data.length === 1 && { body: found.body.data[0] };
    });
    await shop.service.kill('api-2', 'SIGTERM');
    const answer = await waiting;

    expect([answer.status, answer.body.id]).toEqual([202, pending.id]);
    expect(shop.service.outputOf('api-2')).toMatch(/\(api-2 ended: exit 0\)$/);
    expect((await shop.untilEnded(pending.id)).status).toBe('placed');
  });

  it('exits on request although one of its requests never ends', async () => {
    const sku = await shop.product(5);
    await shop.service.kill('api-2', 'SIGTERM');
    const hangs = { FAILPOINT: 'intake.before-commit:sleep=120000', SHUTDOWN_GRACE_MS: '100' };
    await shop.service.restart('api-2', hangs);
    const hanging = shop.order({ lines: [{ sku, quantity: 1 }] }, { by: apiOf(1) }).catch(() => 'cut off');
    await until('it hangs', async () => {
      const idle = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`;
      return (await shop.query(idle)).length > 0;
    });

    await shop.service.kill('api-2', 'SIGTERM');
    expect(shop.service.outputOf('api-2')).toMatch(/exiting anyway[^]*\(api-2 ended: exit 0\)$/);
    expect(await hanging).toBe('cut off');
    await shop.service.restart('api-2', { FAILPOINT: undefined, SHUTDOWN_GRACE_MS: undefined });
  });

  it('writes nothing from a worker that slept through its lease', async () => {
    const sku = await shop.product(50);
    const leasedBy = async (worker: string) =>
      (
        await shop.query(
          `SELECT order_id FROM sagas WHERE lease_owner LIKE $1 AND lease_expires_at > now()`,
          [`%:${shop.service.pidOf(worker)}`],
        )
      ).length;
    const ids: string[] = [];
    let sleeper = '';
    await until('a worker sleeps on a lease', async () => {
      const made = await inParallel(6, 6, () =>
        shop.order({ paymentMethod: 'pm_sandbox_slow_600', lines: [{ sku, quantity: 1 }] }),
      );
      ids.push(...made.map((answer) => answer.body.id as string));
      // All six may be in one job, so either worker may have them.
      await until('a worker has a lease, or nobody needs one', async () => {
        for (const worker of workers) if ((await leasedBy(worker)) > 0) sleeper = worker;
        return (
          sleeper !== '' || (await shop.query(`SELECT FROM sagas WHERE status = 'running'`)).length === 0
        );
      });
      if (sleeper === '') return false;
      await shop.service.kill(sleeper, 'SIGSTOP');
      if ((await leasedBy(sleeper)) > 0) return true;
      await shop.service.kill(sleeper, 'SIGCONT');
      sleeper = '';
      return false;
    });
    const orders = await Promise.all(ids.map((id) => shop.untilEnded(id)));
    await shop.service.kill(sleeper, 'SIGCONT');

    expect(tally(orders, ({ status }) => status)).toEqual({ placed: ids.length });
    await until('it noticed', async () => /driven by another worker/.test(shop.service.outputOf(sleeper)));
    const later = await Promise.all(ids.map((id) => shop.orderNow(id)));
    expect(later).toEqual(orders.map((order) => ({ ...order, expiresInSeconds: expect.any(Number) })));
    await shop.expectAudit();
  });

  it('loses nothing when all database connections are cut repeatedly', async () => {
    const sku = await shop.product(100);
    const pids = processes.map((name) => shop.service.pidOf(name));
    const isConnected = async () =>
      (
        await shop.query(
          'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
        )
      ).length > 3;
    let accepted = 0;
    const refusals = new Set<string>();
    const cutting = inParallel(6, 1, async (cut) => {
      await until('some more are accepted', async () => accepted >= cut * 8);
      await until('a connection is open', isConnected);
      await shop.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()`);
    });
    const buying = inParallel(60, 20, async (index) => {
      const key = randomUUID();
      const body = { customerId: `cus_${key}`, lines: [{ sku, quantity: 1 }] };
      return until('the order is accepted', async () => {
        const answer = await shop.order(body, { by: apiOf(index), key });
        if (answer.status >= 300) refusals.add(`${answer.status} ${answer.body?.code}`);
        if (answer.status < 300) accepted += 1;
        return answer.status < 300 && (answer.body.id as string);
      });
    });
    const [ids] = await Promise.all([buying, cutting]);
    const orders = await Promise.all(ids.map((id) => shop.untilEnded(id)));

    expect([...refusals].filter((refusal) => refusal !== '503 unavailable')).toEqual([]);
    expect(new Set(ids).size).toBe(60);
    expect(tally(orders, ({ status }) => status)).toEqual({ placed: 60 });
    expect(await shop.available(sku)).toBe(40);
    expect(processes.map((name) => shop.service.pidOf(name))).toEqual(pids);
    await shop.expectAudit();
  });

  describe('with @holdfast/client in front', () => {
    const deadlineMs = 120_000;
    let stop: AbortController;
    beforeEach(() => (stop = new AbortController()));
    // A reader outlives any outage, so that it would also outlive a test that failed.
    afterEach(() => stop.abort());

    const clientAt = (url: string) => new Holdfast({ url, apiKey: 'hf_dev_client', deadlineMs });
    const wishOf = (sku: string, paymentMethod: string) => ({
      customerId: `cus_${randomUUID()}`,
      paymentMethod,
      lines: [{ sku, quantity: 1 }],
    });
    const ordersOf = async (customerId: string): Promise<any[]> =>
      (await shop.client.get(`/v1/orders?customerId=${customerId}`)).body.data;
    const expectOnePurchase = async ({ customerId }: { customerId: string }, id: string) => {
      expect(await ordersOf(customerId)).toMatchObject([{ id, status: 'placed' }]);
      expect(await shop.ledgerRow(id)).toMatchObject({ captured: 1999 });
    };

    it.each(['intake.before-commit:throw@1', 'intake.after-commit:throw@1', 'intake.after-commit:kill9@1'])(
      'makes one purchase, and its events are read on, when the API fails at %s',
      async (failpoint) => {
        const sku = await shop.product(5);
        const api = shop.service.apis[1]!;
        await shop.service.restart('api-2', { FAILPOINT: failpoint });
        const { nextCursor: cursor } = (await shop.client.get('/v1/events?cursor=latest')).body;
        const heard: string[] = [];
        const reading = (async () => {
          const feed = clientAt(api).events({ cursor, types: ['order.placed'], signal: stop.signal });
          for await (const { aggregateId } of feed) heard.push(aggregateId);
        })();
        const wish = wishOf(sku, 'pm_card_visa');
        const buying = clientAt(api).placeOrder(wish);
        buying.catch(() => undefined);
        if (failpoint.includes('kill9')) {
          await shop.service.ended('api-2');
          await shop.service.restart('api-2', { FAILPOINT: undefined });
        }
        const order = await buying;

        await expectOnePurchase(wish, order.id);
        await until('its event is read', async () => heard.includes(order.id));
        stop.abort();
        await reading;
        expect(heard.filter((id) => id === order.id)).toHaveLength(1);
        await shop.service.restart('api-2', { FAILPOINT: undefined });
      },
    );

    it('makes one purchase when its connection is cut while the bank is asked', async () => {
      const sku = await shop.product(5);
      const proxy = await TcpProxy.before(shop.service.apis[0]!);
      const wish = wishOf(sku, 'pm_sandbox_slow_900');
      const buying = clientAt(proxy.url).placeOrder(wish);
      buying.catch(() => undefined);
      await until('the order is there', async () => (await ordersOf(wish.customerId)).length > 0);
      expect(proxy.cut()).toBeGreaterThan(0);
      const order = await buying;

      await expectOnePurchase(wish, order.id);
      await proxy.close();
    });
  });
});
