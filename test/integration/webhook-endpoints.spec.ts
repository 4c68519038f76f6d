import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadConfig } from '../../src/config/config';
import { Database } from '../../src/database/database';
import { sealSecret } from '../../src/webhooks/endpoints/secrets';
import { WebhookSender, type WebhookRequest } from '../../src/webhooks/endpoints/webhook-sender';
import { Endpoints } from '../../src/webhooks/endpoints/endpoints.service';
import { openApis } from '../support/api';
import { inParallel } from '../support/fixtures';
import { until } from '../support/until';
import { WebhookReceiver } from '../support/webhook-receiver';
import { countStatements, openWorker } from '../support/workers';
import { createTestDatabase } from '../support/database';

const client = { authorization: 'Bearer hf_dev_client' };
const admin = { authorization: 'Bearer hf_dev_admin' };
const viewer = { authorization: 'Bearer hf_dev_viewer' };

let api: NestFastifyApplication;
let db: Database;
let close: () => Promise<void>;
beforeAll(async () => {
  const apis = await openApis(1);
  [api] = apis.apis as [NestFastifyApplication];
  close = () => apis.close();
  db = api.get(Database);
});
beforeEach(() => db.rows(`DELETE FROM webhook_endpoints`));
afterAll(() => close());

interface Answer {
  status: number;
  body: Record<string, unknown> & { id: string; code: string; data: { id: string }[] };
  headers: Record<string, unknown>;
}
async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  options: { body?: object; by?: typeof client; key?: string } = {},
): Promise<Answer> {
  const { body, by = client, key } = options;
  const answer = await api.inject({
    method,
    url: `/v1/${path}`,
    headers: { ...by, ...(key === undefined ? {} : { 'idempotency-key': key }) },
    payload: method === 'GET' ? undefined : (body ?? {}),
  });
  return {
    status: answer.statusCode,
    body: (answer.body === '' ? {} : answer.json()) as Answer['body'],
    headers: answer.headers,
  };
}
const url = 'https://shop.example/hooks';
const create = (more: object = {}, by = client) =>
  call('POST', 'webhook-endpoints', { body: { url, ...more }, by });
const reason = 'the shop asked for it';

describe('POST /v1/webhook-endpoints', () => {
  it('shows the secret once, and not in the replay of its key', async () => {
    const key = randomUUID();
    const first = await call('POST', 'webhook-endpoints', { body: { url, types: ['order.*'] }, key });
    expect([first.status, first.body]).toMatchObject([
      201,
      {
        object: 'webhook_endpoint',
        url,
        types: ['order.*'],
        status: 'enabled',
        disabledReason: null,
        secret: expect.stringMatching(/^whsec_/),
        behindSeconds: 0,
        replay: null,
      },
    ]);
    const again = await call('POST', 'webhook-endpoints', { body: { url, types: ['order.*'] }, key });
    expect([again.status, again.body.id, again.headers['idempotent-replayed']]).toEqual([
      201,
      first.body.id,
      'true',
    ]);
    expect(again.body).not.toHaveProperty('secret');
    expect((await call('GET', `webhook-endpoints/${first.body.id}`)).body).not.toHaveProperty('secret');
    const other = await call('POST', 'webhook-endpoints', { body: { url }, key });
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    const stored = await db.rows<{ text: string }>(`SELECT e::text AS text FROM webhook_endpoints e`);
    expect(stored[0]!.text).not.toContain(String(first.body.secret).slice(6));
  });

  it('takes sixteen of a key, also at once, and shows each shop only those of its key', async () => {
    const outcomes = await inParallel(
      20,
      Array.from({ length: 20 }, () => () => create()),
    );
    const statuses = outcomes.map((one) => (one.status === 'fulfilled' ? one.value.status : 0));
    expect(statuses.filter((status) => status === 201)).toHaveLength(16);
    expect(statuses.filter((status) => status === 409)).toHaveLength(4);
    expect((await create()).body.code).toBe('too_many_endpoints');
    const { body: theirs } = await create({}, admin);
    expect((await call('GET', 'webhook-endpoints', { by: admin })).body.data.map(({ id }) => id)).toEqual([
      theirs.id,
    ]);
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/test'],
      ['POST', '/rotate-secret'],
      ['GET', '/deliveries'],
    ] as const) {
      const { status, body } = await call(method, `webhook-endpoints/${theirs.id}${path}`);
      expect([method, path, status, body.code]).toEqual([method, path, 404, 'webhook_endpoint_not_found']);
    }
  });

  it.each([
    [{ types: [] }, 'validation_failed'],
    [{ types: ['order.lost'] }, 'validation_failed'],
    [{ types: ['webhook.test'] }, 'validation_failed'],
    [{ types: 'order.*' }, 'validation_failed'],
    [{ url: 7 }, 'validation_failed'],
    [{ secret: 'mine' }, 'validation_failed'],
    [{ url: 'https://10.0.0.1/' }, 'webhook_url_not_allowed'],
    [{ url: 'ftp://shop.example' }, 'webhook_url_not_allowed'],
  ])('refuses %j with 422', async (more, code) => {
    const { status, body } = await create(more);
    expect([status, body.code]).toEqual([422, code]);
    expect((await call('GET', 'webhook-endpoints')).body.data).toEqual([]);
  });

  it('is not for viewers', async () => {
    expect((await create({}, viewer)).status).toBe(403);
  });
});

describe('a webhook endpoint', () => {
  it('is changed, disabled, enabled and deleted by its shop, but not enabled after an operator', async () => {
    const { body: made } = await create();
    const path = `webhook-endpoints/${made.id}`;
    expect(
      (await call('PATCH', path, { body: { types: ['order.*'], description: 'x' } })).body,
    ).toMatchObject({
      types: ['order.*'],
      description: 'x',
      url,
    });
    expect((await call('PATCH', path, { body: { types: ['*'] } })).body.types).toBeNull();
    expect((await call('PATCH', path, { body: { status: 'disabled' } })).body).toMatchObject({
      disabledReason: 'by_owner',
    });
    expect(
      (await call('POST', `${path}/replay`, { body: { from: new Date().toISOString() } })).body.code,
    ).toBe('endpoint_disabled');
    expect((await call('PATCH', path, { body: { status: 'enabled' } })).body.status).toBe('enabled');

    expect((await call('POST', `admin/${path}/disable`, { by: admin })).status).toBe(422);
    expect((await call('POST', `admin/${path}/disable`, { by: viewer, body: { reason } })).status).toBe(403);
    expect((await call('POST', `admin/${path}/disable`, { by: admin, body: { reason } })).body).toMatchObject(
      {
        disabledReason: 'by_operator',
        principal: 'bootstrap-client',
      },
    );
    const refused = await call('PATCH', path, { body: { status: 'enabled' } });
    expect([refused.status, refused.body.code]).toEqual([409, 'disabled_by_operator']);
    expect((await call('POST', `admin/${path}/enable`, { by: admin, body: { reason } })).body.status).toBe(
      'enabled',
    );
    const { body: log } = await call('GET', `admin/actions?objectType=webhook_endpoint&objectId=${made.id}`, {
      by: viewer,
    });
    expect((log.data as unknown as { action: string }[]).map(({ action }) => action)).toEqual([
      'webhook_endpoint.enable',
      'webhook_endpoint.disable',
    ]);

    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
  });

  it.each([
    [{}, 422, 'validation_failed'],
    [{ from: '2999-01-01T00:00:00Z' }, 422, 'validation_failed'],
    [{ from: '2020-01-01T00:00:00Z' }, 410, 'cursor_too_old'],
    [{ from: 'no cursor' }, 422, 'invalid_cursor'],
    [
      { from: '2999-01-01T00:00:00Z', eventIds: ['evt_01jd3v7q8ne05v7c0kq1e5m9tz'] },
      422,
      'validation_failed',
    ],
    [{ eventIds: [] }, 422, 'validation_failed'],
    [{ eventIds: ['ord_01jd3v7q8ne05v7c0kq1e5m9tz'] }, 422, 'validation_failed'],
  ])('refuses the replay %j', async (body, status, code) => {
    const { body: made } = await create();
    const answer = await call('POST', `webhook-endpoints/${made.id}/replay`, { body });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('has one replay at a time', async () => {
    const { body: made } = await create();
    const from = new Date(Date.now() - 1_000).toISOString();
    const path = `webhook-endpoints/${made.id}/replay`;
    const outcomes = await inParallel(
      4,
      Array.from({ length: 4 }, () => () => call('POST', path, { body: { from } })),
    );
    const statuses = outcomes.map((one) => (one.status === 'fulfilled' ? one.value.status : 0));
    expect(statuses.sort()).toEqual([202, 409, 409, 409]);
    expect((await call('POST', path, { body: { from } })).body.code).toBe('replay_in_progress');
  });

  it('whose secret cannot be opened keeps a process from starting', async () => {
    const { body: made } = await create();
    expect(made.id).toMatch(/^whe_/);
    await db.rows(`UPDATE webhook_endpoints SET secret = $1::bytea`, [
      sealSecret([Buffer.alloc(32, 9)], 'whsec_x'),
    ]);
    await expect(api.get(Endpoints).onApplicationBootstrap()).rejects.toThrow(
      /^HOLDFAST_SECRETS_KEY is not the key/,
    );
  });
});

describe('a webhook', () => {
  const senderWith = (env: NodeJS.ProcessEnv) =>
    new WebhookSender({
      ...loadConfig({ DATABASE_URL: 'postgres://a@b/c', ...env }),
      ...(env.NONE ? { webhookAllowedNetworks: [] } : {}),
    });
  const request: Omit<WebhookRequest, 'url'> = {
    eventId: 'evt_1',
    body: '{}',
    secrets: [`whsec_${Buffer.alloc(32, 1).toString('base64')}`],
  };

  it('is not sent to a private address, wherever its name led before', async () => {
    const receiver = await WebhookReceiver.open();
    const port = new URL(receiver.url).port;
    const allowing = senderWith({});
    const strict = senderWith({ NONE: '1' });
    // A name, which is judged when it is connected to; nothing looked at it before.
    expect(await allowing.send({ ...request, url: `http://localhost:${port}/` })).toMatchObject({
      status: 200,
    });
    for (const host of ['localhost', '127.0.0.1', '[::1]', '0x7f.1'])
      expect([host, await strict.send({ ...request, url: `http://${host}:${port}/` })]).toMatchObject([
        host,
        { status: null, error: 'address_not_allowed' },
      ]);
    expect(receiver.received).toHaveLength(1);
    await receiver.close();
  });

  it('says why it could not be sent', async () => {
    const sender = senderWith({ WEBHOOK_TIMEOUT_MS: '200' });
    const errorOf = async (url: string) => (await sender.send({ ...request, url })).error;
    expect(await errorOf('http://127.0.0.1:1/')).toBe('connection_refused');
    expect(await errorOf('http://nosuch.invalid/')).toBe('name_not_found');
    const plain = createServer((_, response) => response.socket!.destroy());
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const { port } = plain.address() as AddressInfo;
    expect(await errorOf(`http://127.0.0.1:${port}/`)).toBe('connection_failed');
    plain.removeAllListeners('request').on('request', (_, response) => response.socket!.write('HTTP/1.1 2'));
    expect(await errorOf(`http://127.0.0.1:${port}/`)).toBe('timeout');
    // An answer without end is read a little, and not waited for.
    plain.removeAllListeners('request').on('request', (_, response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write('x'.repeat(1_000)), 1);
      response.on('close', () => clearInterval(more));
    });
    expect(await sender.send({ ...request, url: `http://127.0.0.1:${port}/` })).toMatchObject({
      status: 200,
    });
    plain.closeAllConnections();
    plain.close();
  });
});

describe('a worker', () => {
  it('sends no more statements for 500 idle endpoints than for one', async () => {
    const database = await createTestDatabase();
    const env = { DATABASE_URL: database.url, QUEUES: 'off', EVENT_ROUND_MS: '20', SWEEP_MS: '20' };
    const worker = await openWorker(env);
    const counted = countStatements();
    try {
      const own = worker.get(Database);
      const add = (count: number) =>
        own.rows(
          `INSERT INTO webhook_endpoints (id, principal, url, secret, cursor_at)
           SELECT gen_random_uuid(), 'shop-' || n % 100, 'https://shop.example', '', clock_timestamp()
             FROM generate_series(1, $1::int) n`,
          [count],
        );
      const inRounds = async (rounds: number) => {
        counted.reset();
        const looks = () => counted.of('holdfast').filter((sql) => sql.includes('pg_snapshot_xmin')).length;
        await until(`${rounds} rounds`, () => Promise.resolve(looks() >= rounds));
        return counted.of('holdfast').length / looks();
      };
      await add(1);
      await inRounds(5);
      const ofOne = await inRounds(40);
      await add(499);
      await inRounds(5);
      expect(await inRounds(40)).toBeLessThan(1.5 * ofOne);
    } finally {
      counted.stop();
      await worker.close();
      await database.drop();
    }
  });
});
