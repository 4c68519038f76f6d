import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import Ajv from 'ajv';
import { createApi } from '../../src/app';
import { loadConfig } from '../../src/config';
import { problemKinds } from '../../src/errors';
import { createTestDatabase } from '../support/database';

type Described = {
  parameters?: unknown[];
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
  requestBody?: unknown;
};
type Description = {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, object>; responses: Record<string, object> };
};

const admin = { authorization: 'Bearer hf_dev_admin' };
const json = { ...admin, 'content-type': 'application/json' };

describe('the API description', () => {
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
    // OpenAPI 3.0 says `nullable` where JSON Schema says two types; ajv knows both, and `example` must not stop it.
    ajv = new Ajv({ strict: false, allErrors: true });
  });

  afterAll(async () => {
    await app.close();
    await dropDatabase();
  });

  /** Fails with ajv's reasons when `answer` is not what the description says of this route and status. */
  function expectDescribed(
    method: string,
    path: string,
    answer: { statusCode: number; json: () => unknown },
  ): void {
    const described = description.paths[path]?.[method]?.responses[answer.statusCode];
    expect(described).toBeDefined();
    const [{ schema }] = Object.values(described!.content!) as [{ schema: object }];
    const validate = ajv.compile({ ...schema, components: description.components });
    expect(validate(answer.json()) ? [] : validate.errors).toEqual([]);
  }

  it('names exactly the routes that the service has', () => {
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
    const ours = [...served].filter((route) => !/ \/(docs|openapi|\*|$)/.test(route)).sort();
    const described = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(ours.length).toBeGreaterThan(20);
    expect(described.sort()).toEqual(ours);
  });

  it('gives every answer but an event stream an example', () => {
    const without = Object.values(description.components.schemas).filter(
      (schema) =>
        'required' in schema &&
        !('example' in schema) &&
        JSON.stringify(schema).includes('additionalProperties":false'),
    );
    expect(without).toEqual([]);
  });

  it('holds its own examples to its own schemas', () => {
    for (const [name, schema] of Object.entries(description.components.schemas)) {
      if (!('example' in schema)) continue;
      const validate = ajv.compile(schema);
      expect([name, validate(schema.example) ? [] : validate.errors]).toEqual([name, []]);
    }
  });

  it('tells of every problem there is', () => {
    expect(Object.keys(description.components.responses).sort()).toEqual(
      problemKinds.map((kind) => kind.code).sort(),
    );
    const told = JSON.stringify(description.paths);
    const untold = problemKinds.map((kind) => kind.code).filter((code) => !told.includes(`\`${code}\``));
    // What Fastify refuses before any route is chosen belongs to no route.
    expect(untold.sort()).toEqual([
      'body_too_large',
      'headers_too_large',
      'not_found',
      'unsupported_media_type',
    ]);
  });

  it('describes what the routes really answer', async () => {
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
      ['/health/live', '/health/live'],
      ['/health/ready', '/health/ready'],
    ] as const) {
      expectDescribed('get', path, await app.inject({ url, headers: admin }));
    }
  });

  it('describes refusals as the problems they are', async () => {
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

  it('has a page for people, and one for the problems', async () => {
    expect((await app.inject({ url: '/docs' })).statusCode).toBe(200);
    const page = await app.inject({ url: '/docs/problems' });
    for (const kind of problemKinds) expect(page.body).toContain(`id="${kind.code}"`);
  });
});
