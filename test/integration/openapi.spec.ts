import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import Ajv from 'ajv';
import { createApi } from '../../src/api.module';
import { loadConfig } from '../../src/config/config';
import { Database } from '../../src/database/database';
import { problemTypes } from '../../src/errors';
import { StreamTopics } from '../../src/http/event-stream';
import { parsePublicId } from '../../src/ids';
import { parkMessage } from '../../src/outbox/dead-letters.repository';
import { createTestDatabase } from '../support/database';

type Described = {
  operationId?: string;
  tags?: string[];
  parameters?: unknown[];
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
  requestBody?: unknown;
};
type Description = {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, object>; responses: Record<string, object> };
};

interface Schema {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  prefixItems?: unknown[];
  example?: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
}

/** Strings, numbers and booleans that may have several values without an enum. */
function plainMembers(path: string, { properties = {}, items, ...schema }: Schema): [string, Schema][] {
  if (items) return plainMembers(`${path}[]`, items);
  if (schema.type === 'object')
    return Object.entries(properties).flatMap(([name, member]) => plainMembers(`${path}.${name}`, member));
  const isPlain =
    schema.type !== undefined && !schema.enum && !schema.prefixItems && schema.const === undefined;
  return isPlain ? [[path, schema]] : [];
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const root = join(__dirname, '../..');
const generated = { dashboard: 'dashboard/src/api/openapi.ts', client: 'packages/client/src/api.ts' };

const admin = { authorization: 'Bearer hf_dev_admin' };
const json = { ...admin, 'content-type': 'application/json' };

describe('GET /openapi.json', () => {
  let app: NestFastifyApplication;
  let dropDatabase: () => Promise<void>;
  let description: Description;
  let ajv: Ajv;

  beforeAll(async () => {
    const database = await createTestDatabase();
    dropDatabase = () => database.drop();
    app = await createApi(loadConfig({ DATABASE_URL: database.url, QUEUES: 'off' }));
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    description = (await app.inject({ url: '/openapi.json' })).json<Description>();
    // ajv must accept `example`, which is OpenAPI's.
    ajv = new Ajv({ strict: false, allErrors: true, formats: { 'date-time': instant } });
  });

  afterAll(async () => {
    await app.close();
    await dropDatabase();
  });

  /** Fails with ajv's reasons when a response differs from the description of this route and status. */
  function expectDescribed(
    method: string,
    path: string,
    response: { statusCode: number; json: () => unknown },
  ): void {
    const described = description.paths[path]?.[method]?.responses[response.statusCode];
    expect(described).toBeDefined();
    const [{ schema }] = Object.values(described!.content!) as [{ schema: object }];
    expectMatch(schema, response.json());
  }

  function expectMatch(schema: object, value: unknown): void {
    const validate = ajv.compile({ ...schema, components: description.components });
    expect(validate(value) ? [] : validate.errors).toEqual([]);
  }

  it('lists exactly the routes of the service', () => {
    const routes = app
      .getHttpAdapter()
      .getInstance()
      .printRoutes({ commonPrefix: false, includeHooks: false });
    const served = new Set<string>();
    const trail: string[] = [];
    for (const line of routes.split('\n')) {
      const found = /^([│├└─\s]*)(\S.*?)(?: \(([A-Z, ]+)\))?$/.exec(line);
      if (!found?.[2]) continue;
      const depth = found[1]!.length / 4;
      trail.splice(depth - 1);
      trail[depth - 1] = found[2];
      for (const method of found[3]?.split(', ') ?? []) {
        const path = trail
          .join('')
          .replace(/:(\w+)/g, '{$1}')
          .replace(/(.)\/$/, '$1');
        if (method !== 'HEAD' && method !== 'OPTIONS') served.add(`${method.toLowerCase()} ${path}`);
      }
    }
    const ours = [...served].filter((route) => !/ (\/(docs|openapi|assets|$)|\/?\*)/.test(route)).sort();
    const described = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(ours.length).toBeGreaterThan(20);
    expect(described.sort()).toEqual(ours);
  });

  it('gives every operation a tag and a unique operationId', () => {
    const operations = Object.values(description.paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    expect(operations.filter(({ tags }) => tags?.length !== 1)).toEqual([]);
    expect(ids.filter((id) => !/^[a-z]+([A-Z][a-z]+)*$/.test(id ?? ''))).toEqual([]);
    expect(ids).toEqual([...new Set(ids)]);
  });

  it.each(Object.entries(generated))('matches the generated types of the %s', (reader, file) => {
    const input = JSON.stringify(description);
    const script = join(root, 'scripts/api-types.mjs');
    const { stdout, stderr } = spawnSync(process.execPath, [script, reader], { input, encoding: 'utf8' });
    if (process.env['HOLDFAST_TEST_WRITE_API_TYPES']) writeFileSync(join(root, file), stdout);
    const isCurrent = readFileSync(join(root, file), 'utf8') === stdout;
    expect([stderr, isCurrent ? '' : 'npm run api-types rewrites them']).toEqual(['', '']);
  });

  it('lists each parameter once, with whole numbers as integers', () => {
    const numbers: string[] = [];
    for (const [path, methods] of Object.entries(description.paths))
      for (const [method, { parameters = [] }] of Object.entries(methods)) {
        const named = parameters as { name: string; in: string; schema: { type?: string } }[];
        const names = named.map((one) => `${one.in} ${one.name.toLowerCase()}`);
        expect([method, path, names]).toEqual([method, path, [...new Set(names)]]);
        numbers.push(...named.filter(({ schema }) => schema.type === 'number').map(({ name }) => name));
      }
    const schemas = description.components.schemas as Record<
      string,
      { properties?: Record<string, { type?: string }> }
    >;
    for (const [name, { properties = {} }] of Object.entries(schemas))
      if (name.endsWith('Dto'))
        numbers.push(...Object.keys(properties).filter((member) => properties[member]!.type === 'number'));
    expect([...new Set(numbers)].sort()).toEqual(['abandonRate', 'declineRate', 'rate']);
  });

  it('has the bounds of ttlSeconds', () => {
    const schemas = description.components.schemas as Record<string, { properties: { ttlSeconds: object } }>;
    for (const name of ['ReserveDto', 'OrderDto', 'ExtendDto'])
      expect(schemas[name]!.properties.ttlSeconds).toMatchObject({
        type: 'integer',
        minimum: 1,
        maximum: 3_600,
      });
  });

  it('has a valid example for every plain member of a response', () => {
    const responses = Object.entries(description.components.schemas).filter(
      ([name, schema]) => !/(Dto|Problem)$/.test(name) && !('example' in schema),
    );
    const plain = responses.flatMap(([name, schema]) => plainMembers(name, schema));
    const wrong = plain.filter(
      ([, schema]) => !('example' in schema) || !ajv.validate(schema, schema.example),
    );
    expect(plain.length).toBeGreaterThan(30);
    expect(wrong.map(([path]) => path)).toEqual([]);
  });

  it.each([
    ['/v1/orders', 'post'],
    ['/v1/orders/{id}/payments', 'post'],
    ['/v1/orders/{id}/next-action', 'get'],
  ])('has no problem of %s (%s) that docs/integrating.md leaves out', (path, method) => {
    const advice = readFileSync('docs/integrating.md', 'utf8');
    const { responses } = description.paths[path]![method]!;
    const codes = [...JSON.stringify(responses).matchAll(/`([a-z_]+)`:/g)].map(([, code]) => code!);
    expect(codes.length).toBeGreaterThan(4);
    expect(codes.filter((code) => !advice.includes(`\`${code}\``))).toEqual([]);
  });

  it('lists every problem code', () => {
    expect(Object.keys(description.components.responses).sort()).toEqual(
      problemTypes.map((type) => type.code).sort(),
    );
    const documented = JSON.stringify(description.paths);
    const undocumented = problemTypes
      .map((type) => type.code)
      .filter((code) => !documented.includes(`\`${code}\``));
    // Refusals before routing belong to no route.
    expect(undocumented.sort()).toEqual([
      'headers_too_large',
      'not_found',
      'request_timeout',
      'too_many_pipelined',
    ]);
  });

  it('matches the responses of orders, reservations, products and reports', async () => {
    const put = await app.inject({
      method: 'PUT',
      url: '/v1/admin/products/TEE',
      headers: json,
      payload: { name: 'T-shirt', unitPrice: { amount: 1999, currency: 'EUR' }, onHand: 5 },
    });
    expectDescribed('put', '/v1/admin/products/{sku}', put);
    const reserved = await app.inject({
      method: 'POST',
      url: '/v1/reservations',
      headers: { ...json, 'idempotency-key': 'one' },
      payload: { customerId: 'c', lines: [{ sku: 'TEE', quantity: 2 }], metadata: { basket: 'b' } },
    });
    expectDescribed('post', '/v1/reservations', reserved);
    const ordered = await app.inject({
      method: 'POST',
      url: '/v1/orders',
      headers: { ...json, 'idempotency-key': 'two' },
      payload: { customerId: 'c', paymentMethod: 'pm_card_visa', lines: [{ sku: 'TEE', quantity: 1 }] },
    });
    expectDescribed('post', '/v1/orders', ordered);
    const { id } = ordered.json<{ id: string }>();
    for (const [path, url] of [
      ['/v1/orders', '/v1/orders?limit=1'],
      ['/v1/orders/{id}', `/v1/orders/${id}`],
      ['/v1/reservations/{id}', `/v1/reservations/${reserved.json<{ id: string }>().id}`],
      ['/v1/stock/{sku}', '/v1/stock/TEE'],
      ['/v1/stock', '/v1/stock?sku=TEE'],
      ['/v1/admin/products', '/v1/admin/products'],
      ['/v1/admin/products/{sku}', '/v1/admin/products/TEE'],
      ['/v1/admin/reservations', '/v1/admin/reservations'],
      ['/v1/admin/orders', '/v1/admin/orders'],
      ['/v1/admin/orders/{id}/saga', `/v1/admin/orders/${id}/saga`],
      ['/v1/admin/orders/{id}/saga/options', `/v1/admin/orders/${id}/saga/options`],
      ['/v1/admin/products/{sku}/movements', '/v1/admin/products/TEE/movements'],
      ['/v1/admin/reservations/returning', '/v1/admin/reservations/returning'],
      ['/v1/admin/actions', '/v1/admin/actions'],
      ['/v1/admin/events', '/v1/admin/events'],
      ['/v1/admin/find', '/v1/admin/find?q=TEE'],
      ['/v1/admin/dead-letters', '/v1/admin/dead-letters'],
      ['/v1/admin/overview', '/v1/admin/overview'],
      ['/v1/admin/queues', '/v1/admin/queues'],
      ['/v1/admin/outbox', '/v1/admin/outbox'],
      ['/v1/admin/contention', '/v1/admin/contention'],
      ['/v1/admin/contention/{sku}', '/v1/admin/contention/TEE'],
      ['/v1/admin/invariants', '/v1/admin/invariants'],
      ['/v1/admin/load-tests', '/v1/admin/load-tests'],
      ['/health/live', '/health/live'],
      ['/health/ready', '/health/ready'],
    ] as const) {
      expectDescribed('get', path, await app.inject({ url, headers: admin }));
    }
  });

  it('matches the responses of saga actions and dead letters, and an abandoned order', async () => {
    const ordered = await app.inject({
      method: 'POST',
      url: '/v1/orders',
      headers: { ...json, 'idempotency-key': 'given-up' },
      payload: { customerId: 'c', paymentMethod: 'pm_card_visa', lines: [{ sku: 'TEE', quantity: 1 }] },
    });
    const { id } = ordered.json<{ id: string }>();
    const db = app.get(Database);
    await db.rows(`UPDATE sagas SET attempt = 1 WHERE order_id = $1`, [parsePublicId('ord', id)]);
    for (const act of ['retry', 'resolve']) {
      const payload = { reason: 'customer called' };
      const url = `/v1/admin/orders/${id}/saga/${act}`;
      const answer = await app.inject({ method: 'POST', url, headers: json, payload });
      expect(answer.statusCode).toBe(200);
      expectDescribed('post', `/v1/admin/orders/{id}/saga/${act}`, answer);
    }
    const order = await app.inject({ url: `/v1/orders/${id}`, headers: admin });
    expect(order.json()).toMatchObject({ status: 'rejected', rejectionReason: 'abandoned' });
    expectDescribed('get', '/v1/orders/{id}', order);

    const messages = await db.rows<{ messageId: string }>(
      `SELECT id AS "messageId" FROM outbox WHERE type IN ('order.accepted', 'reservation.created')`,
    );
    for (const { messageId } of messages)
      await db.transaction('dead-letter', (tx) =>
        parkMessage(tx, { messageId, starts: 3, reason: 'poison' }),
      );
    const list = await app.inject({ url: '/v1/admin/dead-letters', headers: admin });
    expectDescribed('get', '/v1/admin/dead-letters', list);
    const letters = list.json<{ data: { id: string; aggregateId: string }[] }>().data;
    expect(letters.map(({ aggregateId }) => aggregateId)).toContain(id);
    for (const letter of letters) {
      const retried = await app.inject({
        method: 'POST',
        url: `/v1/admin/dead-letters/${letter.id}/retry`,
        headers: json,
        payload: { reason: 'mended' },
      });
      expectDescribed('post', '/v1/admin/dead-letters/{id}/retry', retried);
    }
  });

  it('matches the responses of a bulk release, from its count to its end', async () => {
    const send = (path: string, payload: object) =>
      app.inject({ method: 'POST', url: `/v1/admin/reservations/${path}`, headers: json, payload });
    const counted = await send('release', { filter: { sku: 'TEE', status: 'active' }, dryRun: true });
    expectDescribed('post', '/v1/admin/reservations/release', counted);
    const { token } = counted.json<{ token: string }>();
    const begun = await send('release', { token, reason: 'wrong price' });
    expect(begun.statusCode).toBe(202);
    expectDescribed('post', '/v1/admin/reservations/release', begun);
    for (const [path, url] of [
      ['/v1/admin/reservations/releases/{id}', `/v1/admin/reservations/releases/${token}`],
      ['/v1/admin/reservations/releases', '/v1/admin/reservations/releases'],
    ] as const)
      expectDescribed('get', path, await app.inject({ url, headers: admin }));
  });

  it('matches a review case and the list of them', async () => {
    await app.get(Database).rows(`UPDATE sagas SET status = 'stuck', step = 'capture-payment'`);
    const list = await app.inject({ url: '/v1/admin/review', headers: admin });
    expectDescribed('get', '/v1/admin/review', list);
    const [first] = list.json<{ data: { id: string }[] }>().data;
    const url = `/v1/admin/review/${first!.id}`;
    expectDescribed('get', '/v1/admin/review/{id}', await app.inject({ url, headers: admin }));
  });

  it.each([
    ['overview', 'Overview'],
    ['review', 'ReviewMessage'],
    ['product:TEE', 'ProductMessage'],
    ['reservations:sku=TEE', 'ReservationsMessage'],
    ['contention:TEE', 'ContentionHistory'],
  ])('matches the values of the topic %s', async (topic, name) => {
    const value: unknown = await app.get(StreamTopics).find(topic)!();
    expectMatch({ $ref: `#/components/schemas/${name}` }, JSON.parse(JSON.stringify(value)));
  });

  it('matches a problem response', async () => {
    const short = await app.inject({
      method: 'POST',
      url: '/v1/orders',
      headers: { ...json, 'idempotency-key': 'three' },
      payload: { customerId: 'c', paymentMethod: 'pm_card_visa', lines: [{ sku: 'TEE', quantity: 1000 }] },
    });
    expect([short.statusCode, short.headers['content-type']]).toEqual([
      409,
      'application/problem+json; charset=utf-8',
    ]);
    expectDescribed('post', '/v1/orders', short);
  });

  it.each(['/openapi.json', '/docs-yaml', '/docs/problems'])(
    'is serialised once, compressed, and answered with 304 to a client that has it: %s',
    async (url) => {
      const whole = await app.inject({ url });
      const made = jest.spyOn(JSON, 'stringify');
      try {
        for (const [encoding, unpack] of [
          ['br', brotliDecompressSync],
          ['gzip', gunzipSync],
        ] as const) {
          const packed = await app.inject({ url, headers: { 'accept-encoding': encoding } });
          expect(packed.headers).toMatchObject({ 'content-encoding': encoding, vary: 'accept-encoding' });
          expect(packed.rawPayload.length).toBeLessThan(whole.rawPayload.length / 3);
          expect(unpack(packed.rawPayload).equals(whole.rawPayload)).toBe(true);
        }
        const known = { 'if-none-match': String(whole.headers.etag) };
        const again = await app.inject({ url, headers: known });
        expect([again.statusCode, again.body]).toEqual([304, '']);
        expect(made.mock.calls.filter(([value]) => value?.openapi !== undefined)).toEqual([]);
      } finally {
        made.mockRestore();
      }
    },
  );

  it('is fetched by the page at /docs instead of being copied into it', async () => {
    const script = await app.inject({ url: '/docs/swagger-ui-init.js' });

    expect(script.statusCode).toBe(200);
    expect(script.body).toContain('/openapi.json');
    expect(script.body.length).toBeLessThan(10_000);
  });

  it('has a readable page at /docs, and one of the problems', async () => {
    expect((await app.inject({ url: '/docs' })).statusCode).toBe(200);
    const page = await app.inject({ url: '/docs/problems' });
    for (const type of problemTypes) expect(page.body).toContain(`id="${type.code}"`);
  });
});
