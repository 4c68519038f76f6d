import { type Answer, HttpClient, expectProblem } from '../support/http-client';
import { describeOnEachQueueBackend } from '../support/redis';
import { openShop } from '../support/shop';
import { until } from '../support/until';

describeOnEachQueueBackend('the operator', (queue) => {
  const shop = openShop({ queue, env: { LOG_LEVEL: 'warn' } });

  /** A signed-in browser. Node lets a program set `Origin`; a browser sends the true one. */
  async function signedIn(by: HttpClient) {
    const origin = by.base;
    const ours = { origin, 'x-holdfast': '1' };
    const answer = await shop.stranger.post('/v1/admin/session', { key: by.key }, { headers: ours });
    expect(answer.status).toBe(201);
    const cookie = answer.headers.get('set-cookie')!.split(';')[0]!;
    const send = (
      method: string,
      url: string,
      body?: unknown,
      more: Record<string, string> = {},
    ): Promise<Answer> => shop.stranger.send(method, url, body, { headers: { origin, cookie, ...more } });
    return { send, get: (url: string) => send('GET', url) };
  }

  it('sees the workers, their queues and their jobs', async () => {
    const sku = await shop.product(10);
    await shop.placed(sku, 1);
    const report = await until('jobs and workers are reported', async () => {
      const { body } = await shop.viewer.get('/v1/admin/queues');
      const done = body.queues.flatMap((one: any) => one.doneSeries).filter((jobs: number) => jobs > 0);
      return done.length > 0 && body.queues.every((one: any) => one.workersAlive > 0) && body;
    });

    expect(report).toMatchObject({ backend: queue, trouble: null, board: '/queues/board' });
    expect(report.queues.map(({ name }: any) => name)).toEqual([
      'checkout',
      'compensation',
      'expiry',
      'events',
    ]);
    for (const one of report.queues)
      expect(one).toMatchObject({ waiting: expect.any(Number), failed: 0, workersAlive: 1 });
    expect(report.workers).toEqual([
      expect.objectContaining({
        id: expect.stringMatching(/:\d+$/),
        alive: true,
        stopping: false,
        version: expect.stringMatching(/^\d/),
      }),
    ]);
  });

  it('sees a worker leave, and the heartbeat of a killed one age', async () => {
    const workers = async () => (await shop.viewer.get('/v1/admin/queues')).body.workers;
    await until('it is there', async () => (await workers()).length === 1);

    await shop.service.kill('worker-1', 'SIGTERM');
    await shop.service.ended('worker-1');
    await until('it has gone', async () => (await workers()).length === 0);

    await shop.service.restart('worker-1');
    await until('it is there again', async () => (await workers()).length === 1);
    await shop.service.kill('worker-1', 'SIGKILL');
    await until('it grows old', async () => (await workers())[0].heartbeatSeconds > 4);
    await shop.service.restart('worker-1');
  });

  it('sees jobs only after signing in, on a page without content of other sites', async () => {
    const html = { accept: 'text/html' };
    const viewer = await signedIn(shop.viewer);
    const page = await viewer.send('GET', '/queues/board', undefined, html);

    expect(page.status).toBe(200);
    expect(page.text).not.toMatch(/(href|src)="(https?:)?\/\//);
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self';/,
    );
    for (const asset of page.text.matchAll(/(?:href|src)="(static\/[^"]+)"/g))
      expect((await viewer.get(`/queues/board/${asset[1]}`)).status).toBe(200);

    const stranger = await fetch(`${shop.stranger.base}/queues/board`, { headers: html, redirect: 'manual' });
    expect([stranger.status, stranger.headers.get('location')]).toEqual([302, '/queues']);
    expectProblem(await shop.stranger.get('/queues/board/api/queues'), { status: 401 });
    expectProblem(await shop.admin.get('/queues/board/api/queues'), { status: 401 });
  });

  it('can change jobs only with an admin key and only from the board itself', async () => {
    const [viewer, admin] = [await signedIn(shop.viewer), await signedIn(shop.admin)];
    const queues = async (by: typeof viewer) => (await by.get('/queues/board/api/queues')).body.queues;
    const pause = '/queues/board/api/queues/events/pause';

    expect((await queues(viewer)).map((one: any) => one.readOnlyMode)).toEqual([true, true, true, true]);
    expect((await queues(admin)).map((one: any) => one.readOnlyMode)).toEqual([false, false, false, false]);
    expectProblem(await viewer.send('PUT', pause), { status: 403, code: 'forbidden' });
    expectProblem(await viewer.send('PUT', pause, undefined, { 'x-holdfast-role': 'admin' }), {
      status: 403,
    });
    expectProblem(await admin.send('PUT', pause, undefined, { origin: 'http://elsewhere.test' }), {
      status: 403,
      code: 'cross_site_request',
    });
    expect((await queues(admin)).every((one: any) => !one.isPaused)).toBe(true);

    expect((await admin.send('PUT', pause)).status).toBe(200);
    expect((await queues(viewer)).find((one: any) => one.name === 'events').isPaused).toBe(true);
    expect((await admin.send('PUT', '/queues/board/api/queues/events/resume')).status).toBe(200);
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});

describe('a rehearsal', () => {
  const shop = openShop({ queue: 'postgres', env: { LOG_LEVEL: 'warn' } });
  const wish = {
    buyers: 30,
    units: 10,
    strategies: ['row-lock', 'grouped'],
    declineRate: 0.1,
    abandonRate: 0,
    rate: 200,
    seed: 7,
    reason: 'before the sale',
  };
  const start = (body: object, key?: string): Promise<Answer> =>
    shop.admin.post('/v1/admin/load-tests', body, { headers: key ? { 'idempotency-key': key } : {} });
  const ended = (id: string) =>
    until(`rehearsal ${id} ends`, async () => {
      const { body } = await shop.viewer.get(`/v1/admin/load-tests/${id}`);
      return body.status !== 'running' && body;
    });

  it('sells with each strategy in turn, and reports the results', async () => {
    const answer = await start(wish, 'once');
    const again = await start(wish, 'once');
    expect(answer.status).toBe(202);
    expect(again.body.id).toBe(answer.body.id);
    expect(answer.body).toMatchObject({ status: 'running', startedBy: 'bootstrap-admin', seed: 7 });
    expectProblem(await start({ ...wish, seed: 8 }), { status: 409, code: 'load_test_running' });

    const run = await ended(answer.body.id);

    expect(run).toMatchObject({ status: 'passed', trouble: null, endedAt: expect.any(String) });
    expect(run.lanes.map(({ strategy }: any) => strategy)).toEqual(wish.strategies);
    for (const lane of run.lanes) {
      expect(lane).toMatchObject({ state: 'done', served: 30, unitsTaken: 10, oversold: 0, failures: [] });
      expect(lane.course[0]).toEqual([0, 0]);
      expect(lane.course.at(-1)[1]).toBe(10);
      expect(lane.soldOutSeconds).toBeGreaterThan(0);
    }
    const list = await shop.viewer.get('/v1/admin/load-tests');
    expect(list.body.data.map(({ id }: any) => id)).toContain(run.id);
    expect(list.body.strategies).toEqual(expect.arrayContaining(['grouped', 'pools']));
    const [action] = await shop.query<{ actor: string; reason: string }>(
      `SELECT actor, reason FROM admin_actions WHERE action = 'load-test.start' AND object_id = $1`,
      [run.id],
    );
    expect(action).toEqual({ actor: 'bootstrap-admin', reason: wish.reason });
  });

  it('starts once when two requests arrive at the same time', async () => {
    // Both are checked before either has started.
    await shop.service.restart('api-1', { FAILPOINT: 'operator-action.before-commit:sleep=400' });
    const both = await Promise.all([1, 2].map((seed) => start({ ...wish, seed, strategies: ['row-lock'] })));
    expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
    const { body } = both.find(({ status }) => status === 202)!;
    expect(await ended(body.id)).toMatchObject({ status: 'passed' });
    await shop.service.restart('api-1', { FAILPOINT: undefined });
  });

  it('stops its buyers when an operator stops it', async () => {
    const { body } = await start({ ...wish, buyers: 100_000, rate: 20, strategies: ['row-lock'] });
    await until('a buyer was served', async () => {
      const run = (await shop.viewer.get(`/v1/admin/load-tests/${body.id}`)).body;
      return run.lanes[0].state === 'selling' && run.lanes[0].served > 0;
    });

    const stopped = await shop.admin.post(`/v1/admin/load-tests/${body.id}/stop`, { reason: 'seen enough' });

    expect(stopped.status).toBe(200);
    expect(await ended(body.id)).toMatchObject({ status: 'stopped' });
  });

  it('is refused to a viewer and for SKUs that cannot be sold', async () => {
    expectProblem(await start({ ...wish, strategies: ['by-magic'] }), {
      status: 422,
      pointer: '/strategies',
    });
    expectProblem(await start({ ...wish, declineRate: 0.6, abandonRate: 0.6 }), {
      status: 422,
      pointer: '/abandonRate',
    });
    expectProblem(await shop.viewer.post('/v1/admin/load-tests', wish), { status: 403, code: 'forbidden' });
    expectProblem(await shop.viewer.get('/v1/admin/load-tests/..%2F..'), {
      status: 404,
      code: 'load_test_not_found',
    });
  });
});
