import { createHmac, randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Database } from '../../src/database/database';
import { type RawRequest, expectRefused, openRawApi, pointersOf, sendRaw } from '../support/raw-http';

/** Refusals before validation: bytes, encodings, depth and field names. */

const api = openRawApi();
const json = 'application/json';

const nested = (levels: number, open = '[', shut = ']') => open.repeat(levels) + shut.repeat(levels);

describe('the depth and size of a body', () => {
  const bodies: [string, string][] = [
    ['1 500 lists in lines', `{"customerId":"c","lines":${nested(1_500)}}`],
    ['1 500 lists in metadata', `{"metadata":{"a":${nested(1_500)}}}`],
    ['1 500 objects in an unknown field', `{"x":${nested(1_500, '{"a":', '}').replace('{"a":}', '{}')}}`],
    ['30 000 lists', `{"x":${nested(30_000)}}`],
    ['60 000 bytes of unknown fields', `{${Array.from({ length: 7_000 }, (_, nth) => `"${nth}":1`).join()}}`],
    ['a list of 20 000 numbers', `{"lines":[${'1,'.repeat(20_000)}1]}`],
  ];
  const paths = [
    '/v1/orders',
    '/v1/reservations',
    '/v1/orders/ord_01jd3v7q8ne05v7c0kq1e5m9tz/cancel',
    '/v1/admin/products/A/adjustments',
    '/v1/admin/reservations/release',
  ];
  it.each(paths.flatMap((path) => bodies.map(([what, body]) => [path, what, body])))(
    'answers 400 body_too_complex to POST %s with %s',
    async (path, _what, body) => {
      const answer = await api.post(path, body);

      expectRefused(answer, 400, 'body_too_complex');
      expect(answer.text.length).toBeLessThan(1_000);
    },
  );

  it('is limited to 4 KiB at the sign-in, also without a key', async () => {
    const signIn = (body: string) =>
      sendRaw(`${api.base}/v1/admin/session`, 'POST', { headers: { 'content-type': json }, body });

    expectRefused(await signIn(`{"key":${nested(1_500)}}`), 400, 'body_too_complex');
    const large = await signIn(`{"key":"${'x'.repeat(4_096)}"}`);
    expectRefused(large, 413, 'body_too_large');
    expect(large.body.detail).toContain('4 KiB');
    expectRefused(await signIn(`{"key":"${'x'.repeat(199)}"}`), 401, 'unauthenticated');
  });

  it('is not limited in webhooks, which are stored unchanged', async () => {
    const event = `{"id":"evt_1","type":"x","data":{"object":${nested(30, '{"a":', '}').replace('{"a":}', '{}')}}}`;
    const at = Math.floor(Date.now() / 1_000);
    const v1 = createHmac('sha256', 'whsec_holdfast_sandbox').update(`${at}.${event}`).digest('hex');
    const answer = await api.post('/v1/payments/webhooks/stripe', event, {
      'stripe-signature': `t=${at},v1=${v1}`,
    });

    expect([answer.status, answer.text]).toEqual([200, '{"received":true}']);
  });

  it('yields at most 20 errors and the number of omitted ones', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 100 }, (_, nth) => [`field${nth}`, 1]));
    const many = await api.reserve(unknown);
    expectRefused(many, 422, 'validation_failed');
    expect([many.body.errors.length, many.body.errorsOmitted]).toEqual([20, 80]);

    const lines = Array.from({ length: 30 }, () => ({ sku: 'NOPE', quantity: 1 }));
    const skus = await api.reserve({ lines });
    expect([skus.body.errors.length, skus.body.errorsOmitted]).toEqual([20, 10]);

    const cancel = await api.post('/v1/orders/ord_01jd3v7q8ne05v7c0kq1e5m9tz/cancel', unknown);
    expect([cancel.body.errors.length, cancel.body.errorsOmitted]).toEqual([20, 80]);

    const few = await api.reserve({ one: 1 });
    expect([few.body.errors.length, few.body.errorsOmitted]).toEqual([1, undefined]);
  });
});

describe('fields named like methods', () => {
  const names = ['toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', 'constructor', 'prototype'];

  it.each(names)('refuses %s as an unknown field in bodies, lines, filters and queries', async (name) => {
    expect(pointersOf(await api.reserve({ [name]: 5 }))).toEqual([`/${name}`]);
    expect(pointersOf(await api.reserve({ lines: [{ sku: 'A', quantity: 1, [name]: 5 }] }))).toEqual([
      `/lines/0/${name}`,
    ]);
    expect(
      pointersOf(await api.post('/v1/admin/reservations/release', { filter: { [name]: 1 }, dryRun: true })),
    ).toEqual([`/filter/${name}`]);
    expect(pointersOf(await api.send('GET', `/v1/orders?${name}=5`))).toEqual([`/${name}`]);
    const confirm = await api.post('/v1/reservations/rsv_01jd3v7q8ne05v7c0kq1e5m9tz/confirm', { [name]: 5 });
    expect(pointersOf(confirm)).toEqual([`/${name}`]);
  });

  it.each(names)(
    'keeps %s in metadata, and answers 422 to another value under the same idempotency key',
    async (name) => {
      const key = randomUUID();
      const made = await api.reserve({ metadata: { [name]: 'x' } }, key);

      expect(made.status).toBe(201);
      expect(Object.entries(made.body.metadata)).toEqual([[name, 'x']]);
      const again = await api.reserve({ metadata: { [name]: 'x' } }, key);
      expect([again.status, again.headers['idempotent-replayed']]).toEqual([201, 'true']);
      expectRefused(await api.reserve({ metadata: { [name]: 'y' } }, key), 422, 'idempotency_key_reused');
      expectRefused(await api.reserve({ metadata: {} }, key), 422, 'idempotency_key_reused');
    },
  );

  it('replays a key of the previous build, which dropped these fields', async () => {
    const key = randomUUID();
    const made = await api.reserve({ metadata: { a: 'b' } }, key);
    const retry = (metadata: object) => api.reserve({ metadata }, key);
    const whole = { constructor: 'x', a: 'b' };
    expectRefused(await retry(whole), 422, 'idempotency_key_reused');

    const db = api.app.get(Database);
    await db.rows(`UPDATE idempotency_keys SET fingerprint_version = 1 WHERE key = $1::text`, [key]);
    const again = await retry(whole);
    expect([again.body.id, again.headers['idempotent-replayed']]).toEqual([made.body.id, 'true']);
    expectRefused(await retry({ ...whole, a: 'c' }), 422, 'idempotency_key_reused');
  });

  it('answers 400 to __proto__ and constructor.prototype, also in metadata', async () => {
    for (const member of ['"__proto__":"x"', '"__proto__":{}', '"constructor":{"prototype":{}}']) {
      expectRefused(await api.post('/v1/reservations', `{${member}}`), 400, 'malformed_request');
      const inMetadata = await api.post('/v1/reservations', `{"metadata":{${member}}}`);
      expectRefused(inMetadata, 400, 'malformed_request');
      expect(inMetadata.body.detail).toContain('__proto__');
    }
    expect(pointersOf(await api.send('GET', '/v1/orders?__proto__=5'))).toEqual(['/__proto__']);
  });
});

describe('bytes that are not UTF-8', () => {
  const inLatin1 = (customerId: string) =>
    Buffer.from(JSON.stringify({ customerId, lines: [{ sku: 'A', quantity: 1 }] }), 'latin1');

  it('answers 400 to Latin-1, so that müller and möller are two customers', async () => {
    const key = { 'idempotency-key': randomUUID() };
    for (const customerId of ['müller', 'möller'])
      expectRefused(await api.post('/v1/reservations', inLatin1(customerId), key), 400, 'malformed_request');
    const half = Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]); // a surrogate, as CESU-8 writes it
    expectRefused(await api.post('/v1/reservations', half), 400, 'malformed_request');
    expectRefused(
      await api.post('/v1/reservations/rsv_x/confirm', Buffer.from([0xfc])),
      400,
      'malformed_request',
    );
  });

  it('reports a missing field as `required` and says what to send', async () => {
    const { status, body } = await api.post('/v1/reservations', Buffer.from('{}'));
    expect({ status, errors: body.errors }).toEqual({
      status: 422,
      errors: [
        {
          pointer: '/customerId',
          code: 'required',
          detail: expect.stringMatching(/^customerId is missing; customerId must be text/),
        },
        {
          pointer: '/lines',
          code: 'required',
          detail: expect.stringMatching(/^lines is missing; each line must/),
        },
      ],
    });
    const inside = await api.reserve({ lines: [{ sku: 'A' }] });
    expect(inside.body.errors).toEqual([
      {
        pointer: '/lines/0/quantity',
        code: 'required',
        detail: expect.stringMatching(/^quantity is missing; /),
      },
    ]);
  });

  it('refuses an empty SKU in a list of stock', async () => {
    for (const query of ['sku=', 'sku=A&sku='])
      expectRefused(await api.send('GET', `/v1/stock?${query}`), 422, 'validation_failed');
  });

  it('answers 400 to an address that is not UTF-8', async () => {
    for (const path of [
      '/v1/orders?customerId=m%FCller',
      '/v1/orders?customerId=%C3',
      '/v1/orders?x=%ED%A0%80',
      '/v1/orders?customerId=100%',
    ])
      expectRefused(await api.send('GET', path), 400, 'malformed_request');
    for (const path of ['/v1/stock/m%FCller', '/v1/orders/%FC/events', '/assets/%FC.js', '/%FC'])
      expectRefused(await api.send('GET', path), 400, 'malformed_request');
    expect((await api.send('GET', '/v1/reservations/%FC')).body.detail).toBe(
      'The address is not valid percent-encoded UTF-8. Correct it.',
    );
    expectRefused(
      await api.send('GET', `/v1/admin/stream?topics=${encodeURIComponent('reservations:customerId=%FC')}`),
      422,
      'validation_failed',
    );
  });

  it('stores and finds any character of UTF-8, also U+FFFD', async () => {
    for (const customerId of ['müller', '\ufffd', '𝒳']) {
      const made = await api.reserve({ customerId });
      expect([made.status, made.body.customerId]).toEqual([201, customerId]);
      const list = await api.send(
        'GET',
        `/v1/admin/reservations?customerId=${encodeURIComponent(customerId)}`,
      );
      expect(list.body.data.map(({ id }: { id: string }) => id)).toEqual([made.body.id]);
    }
    const withMark = await api.post(
      '/v1/reservations',
      Buffer.from('\ufeff{"customerId":"c","lines":[{"sku":"A","quantity":1}]}'),
    );
    expect(withMark.status).toBe(201);
  });
});

describe('content types and encodings', () => {
  const body = JSON.stringify({ customerId: 'c', lines: [{ sku: 'A', quantity: 1 }] });
  const as = (headers: Record<string, string>, bytes: string | Buffer = body) =>
    api.post('/v1/reservations', bytes, headers);

  it.each([json, `${json}; charset=utf-8`, `${json};charset="UTF-8"`, `${json}; charset=utf8`])(
    'takes %s',
    async (type) => expect((await as({ 'content-type': type })).status).toBe(201),
  );

  it.each([
    `${json}; charset=iso-8859-1`,
    `${json};charset="utf-16"`,
    'text/plain',
    'application/jsonx',
    'x',
  ])('answers 415 to %s', async (type) =>
    expectRefused(await as({ 'content-type': type }), 415, 'unsupported_media_type'),
  );

  it('answers 415 to a compressed body', async () => {
    const answer = await as({ 'content-encoding': 'gzip' }, gzipSync(body));

    expectRefused(answer, 415, 'unsupported_media_type');
    expect([answer.headers['accept-encoding'], answer.body.detail]).toEqual([
      'identity',
      expect.stringMatching(/compress/),
    ]);
    expect((await as({ 'content-encoding': 'identity' })).status).toBe(201);
  });
});

describe('half surrogate pairs and NUL', () => {
  it('are refused with 422 in metadata, also when key and value form a whole pair', async () => {
    for (const metadata of [{ 'a\ud83d': '\ude00b' }, { a: 'x\ud83d', '\ude00': 'y' }, { a: '\u0000' }])
      expect(pointersOf(await api.reserve({ metadata }))).toEqual(['/metadata']);
    expect((await api.reserve({ metadata: { 'a😀': '😀b' } })).status).toBe(201);
  });

  it('are answered with 404 in a path', async () => {
    for (const path of [
      'contention/a%00b',
      'products/a%00b',
      'products/a%00b/movements',
      'review/a%00',
      'load-tests/a%00',
    ])
      expect([path, (await api.send('GET', `/v1/admin/${path}`)).status]).toEqual([path, 404]);
    for (const path of ['stock/a%00b', 'orders/a%00b', 'reservations/a%00b'])
      expect([path, (await api.send('GET', `/v1/${path}`)).status]).toEqual([path, 404]);
  });

  it('are refused with 422 in a query', async () => {
    for (const query of [
      'find?q=%00',
      'actions?actor=%00',
      'actions?objectId=%00',
      'reservations?customerId=%00',
    ])
      expect([query, (await api.send('GET', `/v1/admin/${query}`)).status]).toEqual([query, 422]);
  });
});

describe('an empty body', () => {
  const release = async () => `/v1/reservations/${(await api.reserve({})).body.id}/release`;
  const headers = { 'content-type': json, 'idempotency-key': 'k' };

  it.each<[string, RawRequest]>([
    ['a JSON content type', { headers }],
    ['Content-Length: 0', { headers: { ...headers, 'content-length': 0 } }],
    ['an empty chunked body', { headers, chunks: [] }],
    ['an empty chunked body without a content type', { chunks: [] }],
    [
      'an empty form',
      { headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': 0 } },
    ],
    ['no header at all', {}],
  ])('releases a reservation: %s', async (_what, request) => {
    const answer = await api.send('POST', await release(), request);
    expect([answer.status, answer.body.status]).toEqual([200, 'released']);
  });

  it('answers 400 where fields are needed', async () => {
    expectRefused(await api.send('POST', '/v1/reservations', { headers }), 400, 'malformed_request');
  });

  it('is accepted for DELETE and GET with any content type', async () => {
    for (const type of [json, 'text/plain', 'application/x-www-form-urlencoded']) {
      const get = await api.send('GET', '/v1/orders', { headers: { 'content-type': type } });
      const out = await api.send('DELETE', '/v1/admin/session', {
        headers: { 'content-type': type, 'content-length': 0 },
      });
      expect([type, get.status, out.status]).toEqual([type, 200, 204]);
    }
  });
});
