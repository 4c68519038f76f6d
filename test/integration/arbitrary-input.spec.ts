import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import fc from 'fast-check';
import { openApis } from '../support/api';
import { DescribedAnswers } from '../support/described-answers';
import { seeded } from '../support/seeded';

/** No input causes a 5xx, every refusal is a small problem response, and every answer is as the API document says. */

/** Twenty errors with their pointers, each character of a name written as an escape. */
const problemBytesMax = 32 * 1024;
/** Enough to find each bug that this suite was written for within three runs. */
const runsPerRoute = Number(process.env['HOLDFAST_TEST_FUZZ_RUNS'] ?? 40);

interface Parameter {
  name: string;
  in: string;
}
interface Operation {
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, unknown>;
}
interface Schema {
  example?: unknown;
  items?: Schema;
  $ref?: string;
  allOf?: Schema[];
  properties?: Record<string, Schema>;
}
type Route = { method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: string; operation: Operation };

let app: NestFastifyApplication;
let close: () => Promise<void>;
let routes: Route[] = [];
let schemas: Record<string, Schema> = {};
let ids: string[] = [];
let described: DescribedAnswers;
/** Existing products, which are replaced by the requests. */
const replaced = new Set<string>();

beforeAll(async () => {
  const opened = await openApis(1);
  [app] = opened.apis as [NestFastifyApplication];
  close = opened.close;
  const document = (await app.inject('/openapi.json')).json<any>();
  const { paths, components } = document;
  described = new DescribedAnswers(document);
  schemas = components.schemas;
  routes = Object.entries<Record<string, Operation>>(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase() as Route['method'],
      path,
      operation,
    })),
  );
  await sendBody(
    'PUT',
    '/v1/admin/products/TEE-BLACK-M',
    '{"name":"A","unitPrice":{"amount":100,"currency":"EUR"},"onHand":1000}',
  );
  const reserved = await sendBody(
    'POST',
    '/v1/reservations',
    '{"customerId":"c","lines":[{"sku":"TEE-BLACK-M","quantity":1}]}',
  );
  const ordered = await sendBody(
    'POST',
    '/v1/orders',
    '{"customerId":"c","paymentMethod":"pm","lines":[{"sku":"TEE-BLACK-M","quantity":1}]}',
  );
  replaced.add('/v1/admin/products/TEE-BLACK-M');
  ids = ['TEE-BLACK-M', reserved.json<any>().id, ordered.json<any>().id];
  expect(ids.every(Boolean)).toBe(true);
});
afterAll(() => close());

const roles = ['admin', 'viewer', 'client'] as const;
type Role = (typeof roles)[number] | 'nobody';
/** Mostly an admin, who gets furthest. */
const role = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Role>('admin') },
  { weight: 4, arbitrary: fc.constantFrom<Role>(...roles, 'nobody') },
);
const keyOf = (by: Role): Record<string, string> =>
  by === 'nobody' ? {} : { authorization: `Bearer hf_dev_${by}` };

const sendBody = (method: Route['method'], url: string, payload: string | Buffer, by: Role = 'admin') =>
  app.inject({
    method,
    url,
    headers: {
      ...keyOf(by),
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
      ...(replaced.has(url) && { 'if-match': '*' }),
    },
    payload,
  });

/** Code units and not characters, so that NUL and halves of a surrogate pair come up often. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom(
      '\u0000',
      '\ud83d',
      '\ude00',
      '\u202e',
      '\u009b',
      '\ufeff',
      '"',
      '\\',
      '%',
      'a',
      '1',
    ),
    maxLength: 8,
  }),
);
const nameOf = (known: string[]) =>
  fc.oneof(
    text,
    fc.constantFrom('__proto__', 'constructor', 'toString', 'prototype', 'length', '0', ...known),
  );

/** Values as JSON text, since objects of JavaScript cannot have every name. */
function jsonText(known: string[]): fc.Arbitrary<string> {
  return fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      text.map((value) => JSON.stringify(value)),
      fc.constantFrom(
        'null',
        'true',
        '0',
        '-1',
        '1',
        '1.5',
        '1e308',
        '9007199254740993',
        '"2026-02-30T00:00:00Z"',
      ),
      fc.array(tie('value'), { maxLength: 5 }).map((members) => `[${members.join()}]`),
      fc
        .array(fc.tuple(nameOf(known), tie('value')), { maxLength: 6 })
        .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`),
    ),
  })).value;
}

const deep = fc
  .tuple(fc.constantFrom<[string, string]>(['[', ']'], ['{"a":', '}']), fc.integer({ min: 1, max: 3_000 }))
  .map(([[open, shut], levels]) => `${open.repeat(levels)}1${shut.repeat(levels)}`);

/** The example in the API description. */
function shown({ example, items, $ref, allOf }: Schema): unknown {
  if (example !== undefined) return example;
  if (items) return [shown(items)];
  const properties = schemas[($ref ?? allOf?.[0]?.$ref ?? '').split('/').at(-1)!]?.properties;
  return (
    properties && Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, shown(one)]))
  );
}

/** As documented except for a field or two, so that the request gets past the first checks. */
function nearlyRight({ operation }: Route): fc.Arbitrary<string> {
  const schema = operation.requestBody?.content['application/json']?.schema ?? {};
  const right = Object.entries(shown(schema) ?? {}).filter(([, value]) => value !== undefined);
  const member = ([name, value]: [string, string]) => `${JSON.stringify(name)}:${value}`;
  const inside = ['sku', 'quantity', 'amount', 'currency', 'filter', 'ids'];
  const anything = fc.oneof({ weight: 6, arbitrary: jsonText(inside) }, { weight: 1, arbitrary: deep });
  const names = right.map(([name]) => name);
  const wrong = fc.array(fc.tuple(nameOf(names), anything), { maxLength: 2 });
  return fc
    .tuple(fc.subarray(right, { minLength: Math.max(0, right.length - 2) }), wrong)
    .map(([kept, changes]) => {
      const members = new Map(kept.map(([name, value]) => [name, JSON.stringify(value)]));
      for (const [name, value] of changes) members.set(name, value);
      return `{${[...members].map(member).join()}}`;
    });
}

const bodyFor = (route: Route): fc.Arbitrary<string | Buffer> =>
  fc.oneof(
    { weight: 8, arbitrary: nearlyRight(route) },
    { weight: 1, arbitrary: jsonText([]) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  );

const encoded = (value: string) => encodeURIComponent(value.replace(/\p{Surrogate}/gu, '�'));
const pathFor = ({ path }: Route) =>
  fc
    .oneof(
      { weight: 3, arbitrary: fc.constantFrom('product', 'reservation', 'order') },
      { weight: 1, arbitrary: text },
    )
    .map((name) => {
      const at = ['product', 'reservation', 'order'].indexOf(name);
      return path.replace(/\{\w+\}/g, () => (at < 0 ? encoded(name) || '%20' : ids[at]!));
    });

/** Two or three parameters, of the route or unknown. */
const queryFor = ({ operation }: Route) => {
  const names = (operation.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name);
  const raw = fc.constantFrom('%FC', '%00', '%', '1', 'a');
  return fc
    .array(fc.tuple(nameOf(names).map(encoded), fc.oneof(text.map(encoded), raw)), { maxLength: 3 })
    .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&'));
};

function expectHarmless({ method, path }: Route, answer: Awaited<ReturnType<typeof sendBody>>): void {
  expect(answer.statusCode).toBeLessThan(500);
  expect([method, path, described.faultsOf(method, path, answer)]).toEqual([method, path, []]);
  if (answer.statusCode < 400) return;
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.json()).toMatchObject({
    status: answer.statusCode,
    code: expect.stringMatching(/^[a-z_]+$/),
  });
  expect(answer.rawPayload.length).toBeLessThan(problemBytesMax);
}

describe('an answer that is not described', () => {
  const answer = (statusCode: number, body: unknown, type = 'application/json') => ({
    statusCode,
    headers: { 'content-type': `${type}; charset=utf-8` },
    body: JSON.stringify(body),
  });
  const problem = {
    ...{ type: '/docs/problems#order_not_found', title: 'x', status: 404, code: 'order_not_found' },
    ...{ detail: 'x', instance: '/v1/orders/x', requestId: 'x', retryable: false },
  };

  it('is found by its status, type, member or code', async () => {
    const order = (await app.inject({ url: `/v1/orders/${ids[2]}`, headers: keyOf('admin') })).json<object>();
    const faultsOf = (planted: Parameters<DescribedAnswers['faultsOf']>[2]) =>
      described.faultsOf('GET', '/v1/orders/{id}', planted);
    expect(faultsOf(answer(200, order))).toEqual([]);
    expect(faultsOf(answer(404, problem, 'application/problem+json'))).toEqual([]);
    expect(faultsOf(answer(418, order))).toEqual([expect.stringMatching(/^418 is not described/)]);
    expect(faultsOf(answer(200, order, 'text/html'))).toEqual(['200 is not described as text/html']);
    expect(faultsOf(answer(200, { ...order, secret: 1 }))).toEqual([expect.stringContaining('secret')]);
    expect(faultsOf(answer(200, { ...order, status: 'lost' }))).not.toEqual([]);
    expect(faultsOf(answer(200, { ...order, version: 1.5 }))).not.toEqual([]);
    const other = { ...problem, code: 'case_not_found' };
    expect(faultsOf(answer(404, other, 'application/problem+json'))).toEqual([
      '404 is described without case_not_found',
    ]);
  });
});

describe('arbitrary input', () => {
  it('never causes a 5xx or an undescribed answer as the body of a POST, PUT, PATCH or DELETE', async () => {
    // A load test that starts would be a separate process.
    const writing = routes.filter(({ method, path }) => method !== 'GET' && !path.endsWith('/load-tests'));
    expect(writing.length).toBeGreaterThan(15);
    for (const route of writing)
      await seeded((random) =>
        fc.assert(
          fc.asyncProperty(pathFor(route), bodyFor(route), role, async (url, body, by) =>
            expectHarmless(route, await sendBody(route.method, url, body, by)),
          ),
          { seed: random.seed, numRuns: runsPerRoute },
        ),
      )();
  });

  it('never causes a 5xx or an undescribed answer in the address of a GET', async () => {
    const isStream = ({ path }: Route) =>
      /\/(events|stream)$/.test(path) && !/^\/v1\/(admin\/)?events$/.test(path);
    const reading = routes.filter((route) => route.method === 'GET' && !isStream(route));
    expect(reading.length).toBeGreaterThan(15);
    for (const route of reading)
      await seeded((random) =>
        fc.assert(
          fc.asyncProperty(pathFor(route), queryFor(route), role, async (url, query, by) =>
            expectHarmless(route, await app.inject({ url: `${url}?${query}`, headers: keyOf(by) })),
          ),
          { seed: random.seed, numRuns: runsPerRoute },
        ),
      )();
  });
});
