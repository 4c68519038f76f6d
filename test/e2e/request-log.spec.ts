import { type Service, startService } from '../support/service';
import { until } from '../support/until';

type Line = Record<string, unknown> & { msg: string; level: number };

/** What an operator finds in an API process's log by the id in a response. */
describe('the log of an API process', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({
      queue: 'postgres',
      workers: 0,
      env: { QUEUES: 'off' },
      envOf: { 'api-1': { FAILPOINT: 'intake.before-commit:throw', SLOW_REQUEST_MS: '1' } },
    });
    for (const [sku, strategy] of [
      ['ALONE', 'row-lock'],
      ['GROUPED', 'grouped'],
    ] as const)
      await ask('PUT', `/v1/admin/products/${sku}`, {
        key: 'hf_dev_admin',
        body: { name: sku, unitPrice: { amount: 100, currency: 'EUR' }, onHand: 50, strategy },
      });
  });
  afterAll(() => service.stop());

  async function ask(
    method: string,
    path: string,
    {
      body,
      headers,
      key = 'hf_dev_client',
    }: { body?: object; headers?: Record<string, string>; key?: string },
  ) {
    const response = await fetch(`${service.apis[0]}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: body && JSON.stringify(body),
    });
    const answer = (await response.json()) as { requestId: string };
    return { status: response.status, headers: response.headers, body: answer };
  }

  const order = (sku: string, headers: Record<string, string> = {}) =>
    ask('POST', '/v1/orders', {
      headers: { 'idempotency-key': crypto.randomUUID(), ...headers },
      body: { customerId: 'c', paymentMethod: 'pm_card_visa', lines: [{ sku, quantity: 1 }] },
    });

  const lines = (): Line[] =>
    service
      .outputOf('api-1')
      .split('\n')
      .flatMap((line) => {
        const from = line.indexOf('{"level"');
        return from === -1 ? [] : [JSON.parse(line.slice(from)) as Line];
      });

  const lineOf = (requestId: string, level: number) =>
    until(`a line of level ${level} for ${requestId}`, async () =>
      lines().find((line) => line.requestId === requestId && line.level === level),
    );

  it('has the requestId of a 500 as a field, with the error', async () => {
    const refused = await order('ALONE');

    expect(refused.status).toBe(500);
    const line = await lineOf(refused.body.requestId, 50);
    expect(line).toMatchObject({ err: { message: expect.stringContaining('intake.before-commit') } });
  });

  it('has the request id set by the caller or a proxy', async () => {
    const refused = await order('ALONE', { 'x-request-id': 'from-the-proxy-1' });

    expect(refused.body.requestId).toBe('from-the-proxy-1');
    expect(await lineOf('from-the-proxy-1', 50)).toBeDefined();
  });

  it('has a line for each failed request of a batch, and one with all their ids', async () => {
    const refused = await Promise.all(Array.from({ length: 12 }, () => order('GROUPED')));

    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 500));
    const ids = refused.map(({ body }) => body.requestId);
    for (const id of ids) expect(await lineOf(id, 50)).toBeDefined();
    const shared = lines().flatMap(({ requestIds }) => (requestIds ?? []) as string[]);
    expect(ids.filter((id) => shared.includes(id))).not.toEqual([]);
  });

  it('has a line for a slow request, with the path but not the query', async () => {
    const answer = await ask('GET', '/v1/admin/products?limit=1&cursor=', { key: 'hf_dev_viewer' });
    const line = await lineOf(answer.headers.get('x-request-id')!, 40);

    expect(line).toMatchObject({ method: 'GET', path: '/v1/admin/products', status: expect.any(Number) });
    expect(line['ms']).toBeGreaterThanOrEqual(1);
  });
});
