import { randomUUID } from 'node:crypto';
import { type Answer, expectProblem } from '../support/http-client';
import { openShop } from '../support/shop';

const nul = '\u0000';
/** Half of a surrogate pair: valid in JSON, but not in UTF-8 or PostgreSQL. */
const loneSurrogate = '\ud800';

describe('invalid input', () => {
  const shop = openShop({ queue: 'postgres' });
  let sku: string;
  let other: string;
  let reservation: string;
  let order: string;
  let before: unknown;

  beforeAll(async () => {
    sku = await shop.product(50, { quantityPerOrderMax: 20 });
    other = await shop.product(50, { unitPrice: { amount: 500, currency: 'USD' } });
    order = (await shop.placed(sku)).id;
    reservation = (await shop.reserved(sku)).id;
  });

  // A refusal creates and changes nothing: no stock, no row, no key.
  beforeEach(async () => void (before = await everything()));
  afterEach(async () => expect(await everything()).toEqual(before));

  async function everything() {
    const tables = [
      'products',
      'stock_movements',
      'reservations',
      'orders',
      'idempotency_keys',
      'payment_operations',
      'admin_actions',
    ];
    const counts = tables.map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`);
    const levels =
      '(SELECT json_agg(s ORDER BY s.sku) FROM (SELECT sku, on_hand, reserved FROM stock_levels) s) AS levels';
    return shop.query(`SELECT ${counts.join(', ')}, ${levels}`);
  }

  /** Each call that writes, with a body that it accepts. */
  const calls = {
    'POST orders': () => ['POST', '/v1/orders', goodOrder()],
    'POST reservations': () => [
      'POST',
      '/v1/reservations',
      { customerId: 'cus_1', lines: [{ sku, quantity: 1 }] },
    ],
    'POST extend': () => ['POST', `/v1/reservations/${reservation}/extend`, { ttlSeconds: 60 }],
    'POST confirm': () => ['POST', `/v1/reservations/${reservation}/confirm`, {}],
    'POST release': () => ['POST', `/v1/reservations/${reservation}/release`, {}],
    'POST cancel': () => ['POST', `/v1/orders/${order}/cancel`, {}],
    'POST refund': () => ['POST', `/v1/orders/${order}/refund`, {}],
    'PUT product': () => ['PUT', `/v1/admin/products/${sku}`, goodProduct()],
    'POST adjustment': () => [
      'POST',
      `/v1/admin/products/${sku}/adjustments`,
      { delta: 1, reason: 'received' },
    ],
    'POST forced release': () => [
      'POST',
      `/v1/admin/reservations/${reservation}/release`,
      { reason: 'customer called' },
    ],
  } satisfies Record<string, () => [string, string, Record<string, unknown>]>;
  type Call = keyof typeof calls;

  const goodOrder = (more: object = {}) => ({
    customerId: 'cus_1',
    paymentMethod: 'pm_card_visa',
    lines: [{ sku, quantity: 1 }],
    ...more,
  });
  const goodProduct = (more: object = {}) => ({
    name: 'Product',
    unitPrice: { amount: 1999, currency: 'EUR' },
    ...more,
  });

  /** Makes the call with `body` instead of a valid one, as the admin, who may make all of them. */
  function send(call: Call, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const [method, path] = calls[call]();
    return shop.admin.send(method, path, body, {
      headers: { 'idempotency-key': randomUUID(), 'if-match': '*', ...headers },
    });
  }

  describe.each(Object.keys(calls) as Call[])('to %s', (call) => {
    const good = () => calls[call]()[2] as Record<string, unknown>;

    it.each([
      ['broken JSON', () => '{"a":', 400, 'malformed_request'],
      ['a list', () => '[]', 400, 'malformed_request'],
      ['text', () => '"text"', 400, 'malformed_request'],
      ['a number', () => '1', 400, 'malformed_request'],
      [
        '__proto__',
        () => `{"__proto__":{"role":"admin"},${JSON.stringify(good()).slice(1)}`.replace(',}', '}'),
        400,
        'malformed_request',
      ],
      [
        'constructor.prototype',
        () => `{"constructor":{"prototype":{"role":"admin"}}}`,
        400,
        'malformed_request',
      ],
      ['100 KB', () => ({ ...good(), filler: 'x'.repeat(100_000) }), 413, 'body_too_large'],
      ['100 KB of brackets', () => '['.repeat(100_000), 413, 'body_too_large'],
      ['an unknown field', () => ({ ...good(), surprise: 1 }), 422, 'validation_failed'],
    ])('is refused: %s', async (_what, body, status, code) => {
      const answer = await send(call, body());
      expectProblem(answer, { status, code, pointer: status === 422 ? '/surprise' : undefined });
    });

    it.each([
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/xml',
      'multipart/form-data; boundary=x',
    ])('is refused: content of type %s', async (type) => {
      const body = type.includes('form-urlencoded') ? 'reason=customer+called' : JSON.stringify(good());
      expectProblem(await send(call, body, { 'content-type': type }), {
        status: 415,
        code: 'unsupported_media_type',
      });
    });
  });

  it.each([
    'POST orders',
    'POST reservations',
    'POST extend',
    'PUT product',
    'POST adjustment',
    'POST forced release',
  ] as const)('is refused: no body to %s', async (call) => {
    expectProblem(await send(call, undefined), { status: 400, code: 'malformed_request' });
    expectProblem(await send(call, 'null'), { status: 400, code: 'malformed_request' });
    expectProblem(await send(call, '{}'), { status: 422, code: 'validation_failed' });
  });

  const badLines: [string, () => unknown, string][] = [
    ['no lines', () => [], '/lines'],
    ['lines as null', () => null, '/lines'],
    ['lines as text', () => 'x', '/lines'],
    ['lines as an object', () => ({ 0: { sku, quantity: 1 } }), '/lines'],
    ['51 lines', () => Array.from({ length: 51 }, () => ({ sku, quantity: 1 })), '/lines'],
    ['a line of null', () => [null], '/lines'],
    ['a line that is a list', () => [[{ sku, quantity: 1 }]], '/lines'],
    ['a line that is text', () => [sku], '/lines'],
    ['no SKU', () => [{ quantity: 1 }], '/lines/0/sku'],
    ['a SKU as a number', () => [{ sku: 7, quantity: 1 }], '/lines/0/sku'],
    ['a SKU with a NUL', () => [{ sku: `${sku}${nul}`, quantity: 1 }], '/lines/0/sku'],
    ['a SKU of SQL', () => [{ sku: "x'; DROP TABLE orders;--", quantity: 1 }], '/lines/0/sku'],
    ['an unknown SKU', () => [{ sku: 'NOPE', quantity: 1 }], '/lines/0/sku'],
    [
      'an unknown SKU behind a known one',
      () => [
        { sku, quantity: 1 },
        { sku: 'NOPE', quantity: 1 },
      ],
      '/lines/1/sku',
    ],
    ['a SKU named constructor', () => [{ sku: 'constructor', quantity: 1 }], '/lines/0/sku'],
    ['no quantity', () => [{ sku }], '/lines/0/quantity'],
    ['quantity 0', () => [{ sku, quantity: 0 }], '/lines/0/quantity'],
    ['quantity −1', () => [{ sku, quantity: -1 }], '/lines/0/quantity'],
    ['quantity 1.5', () => [{ sku, quantity: 1.5 }], '/lines/0/quantity'],
    ['quantity 1e12', () => [{ sku, quantity: 1e12 }], '/lines/0/quantity'],
    ['quantity 2³¹', () => [{ sku, quantity: 2 ** 31 }], '/lines/0/quantity'],
    ['quantity "1"', () => [{ sku, quantity: '1' }], '/lines/0/quantity'],
    ['quantity true', () => [{ sku, quantity: true }], '/lines/0/quantity'],
    ['quantity null', () => [{ sku, quantity: null }], '/lines/0/quantity'],
    ['quantity [1]', () => [{ sku, quantity: [1] }], '/lines/0/quantity'],
    ['a quantity over the product’s limit', () => [{ sku, quantity: 21 }], '/lines/0/quantity'],
    [
      'a limit passed by two lines together',
      () => [
        { sku, quantity: 11 },
        { sku, quantity: 11 },
      ],
      '/lines/1/quantity',
    ],
    [
      'a price set by the caller',
      () => [{ sku, quantity: 1, unitPrice: { amount: 1, currency: 'EUR' } }],
      '/lines/0/unitPrice',
    ],
    [
      'two currencies',
      () => [
        { sku, quantity: 1 },
        { sku: other, quantity: 1 },
      ],
      '/lines',
    ],
  ];
  it.each(badLines)('is refused in orders and reservations: %s', async (_what, lines, pointer) => {
    const refused = { status: 422, code: 'validation_failed', pointer };
    expectProblem(await send('POST orders', goodOrder({ lines: lines() })), refused);
    expectProblem(await send('POST reservations', { customerId: 'cus_1', lines: lines() }), refused);
  });

  it.each<[Call, string, object, string]>([
    ['POST orders', 'no customer', { customerId: undefined }, '/customerId'],
    ['POST orders', 'an empty customer', { customerId: '' }, '/customerId'],
    ['POST orders', 'a customer of 256 characters', { customerId: 'c'.repeat(256) }, '/customerId'],
    ['POST orders', 'a customer with a NUL', { customerId: `c${nul}` }, '/customerId'],
    ['POST orders', 'a customer as an object', { customerId: { $ne: null } }, '/customerId'],
    ['POST orders', 'half a character in the customer', { customerId: `c${loneSurrogate}` }, '/customerId'],
    ['POST orders', 'no payment method', { paymentMethod: undefined }, '/paymentMethod'],
    ['POST orders', 'a payment method with a NUL', { paymentMethod: `pm${nul}` }, '/paymentMethod'],
    ['POST orders', 'a payment method with a line break', { paymentMethod: 'pm\r\nx: y' }, '/paymentMethod'],
    ['POST orders', 'ttlSeconds 0', { ttlSeconds: 0 }, '/ttlSeconds'],
    ['POST orders', 'ttlSeconds "60"', { ttlSeconds: '60' }, '/ttlSeconds'],
    ['POST orders', 'ttlSeconds beyond the longest', { ttlSeconds: 3_601 }, '/ttlSeconds'],
    ['POST orders', 'ttlSeconds 1e308', { ttlSeconds: 1e308 }, '/ttlSeconds'],
    ['POST orders', 'an expected total as a number', { expectedTotal: 1999 }, '/expectedTotal'],
    [
      'POST orders',
      'an expected total of text',
      { expectedTotal: { amount: '1999', currency: 'EUR' } },
      '/expectedTotal/amount',
    ],
    [
      'POST orders',
      'an unknown field in the expected total',
      { expectedTotal: { amount: 1999, currency: 'EUR', tax: 0 } },
      '/expectedTotal/tax',
    ],
    ['POST orders', 'a total set by the caller', { total: { amount: 1, currency: 'EUR' } }, '/total'],
    ['POST orders', 'metadata as a list', { metadata: [] }, '/metadata'],
    ['POST orders', 'metadata of numbers', { metadata: { a: 1 } }, '/metadata'],
    ['POST orders', 'nested metadata', { metadata: { a: { b: 'c' } } }, '/metadata'],
    ['POST orders', 'a NUL in metadata', { metadata: { a: nul } }, '/metadata'],
    ['POST orders', 'a NUL in a name of metadata', { metadata: { [nul]: 'a' } }, '/metadata'],
    ['POST orders', 'half a character in metadata', { metadata: { a: loneSurrogate } }, '/metadata'],
    ['POST orders', 'metadata of 501 characters', { metadata: { a: 'x'.repeat(501) } }, '/metadata'],
    [
      'POST orders',
      'metadata of 1000 names',
      { metadata: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, 'v'])) },
      '/metadata',
    ],
    [
      'POST reservations',
      'half a character in metadata',
      { metadata: { [`a${loneSurrogate}`]: 'b' } },
      '/metadata',
    ],
    ['POST reservations', 'a payment method', { paymentMethod: 'pm_card_visa' }, '/paymentMethod'],
    ['POST reservations', 'ttlSeconds −1', { ttlSeconds: -1 }, '/ttlSeconds'],
    ['POST extend', 'ttlSeconds 0', { ttlSeconds: 0 }, '/ttlSeconds'],
    ['POST extend', 'ttlSeconds 1.5', { ttlSeconds: 1.5 }, '/ttlSeconds'],
    ['POST extend', 'ttlSeconds beyond the longest', { ttlSeconds: 3_601 }, '/ttlSeconds'],
    ['PUT product', 'no name', { name: undefined }, '/name'],
    ['PUT product', 'a name with a NUL', { name: `a${nul}` }, '/name'],
    ['PUT product', 'half a character in the name', { name: `a${loneSurrogate}` }, '/name'],
    ['PUT product', 'no price', { unitPrice: undefined }, '/unitPrice'],
    ['PUT product', 'a price as a number', { unitPrice: 1999 }, '/unitPrice'],
    ['PUT product', 'a negative price', { unitPrice: { amount: -1, currency: 'EUR' } }, '/unitPrice/amount'],
    [
      'PUT product',
      'a price with cents',
      { unitPrice: { amount: 19.99, currency: 'EUR' } },
      '/unitPrice/amount',
    ],
    [
      'PUT product',
      'a currency in small letters',
      { unitPrice: { amount: 1, currency: 'eur' } },
      '/unitPrice/currency',
    ],
    [
      'PUT product',
      'P14: a currency that is not charged',
      { unitPrice: { amount: 1, currency: 'XYZ' } },
      '/unitPrice/currency',
    ],
    ['PUT product', 'P15: half a króna', { unitPrice: { amount: 50, currency: 'ISK' } }, '/unitPrice/amount'],
    ['PUT product', 'an unknown strategy', { strategy: 'hope' }, '/strategy'],
    ['PUT product', 'stock of an existing product', { onHand: 1000 }, '/onHand'],
    ['PUT product', 'a limit of 0', { quantityPerOrderMax: 0 }, '/quantityPerOrderMax'],
    ['POST adjustment', 'no reason', { reason: undefined }, '/reason'],
    ['POST adjustment', 'an empty reason', { reason: '   ' }, '/reason'],
    ['POST adjustment', 'a delta of text', { delta: '1' }, '/delta'],
    ['POST adjustment', 'a fraction of a unit', { delta: 0.5 }, '/delta'],
    ['POST adjustment', 'a delta above the largest integer', { delta: 1e18 }, '/delta'],
    ['POST forced release', 'a reason of 501 characters', { reason: 'x'.repeat(501) }, '/reason'],
    ['POST forced release', 'a reason with a NUL', { reason: `because${nul}` }, '/reason'],
  ])('is refused in %s: %s', async (call, _what, change, pointer) => {
    const answer = await send(call, { ...calls[call]()[2], ...change });
    expectProblem(answer, { status: 422, code: 'validation_failed', pointer });
  });

  it('is answered with all errors at once', async () => {
    const answer = await send('POST orders', {
      customerId: 7,
      lines: [{ sku: '', quantity: 0 }],
      payment: { method: 'pm_card_visa', receiptEmail: 'nobody' },
      extra: 1,
    });

    const pointers = answer.body.errors.map((error: { pointer: string }) => error.pointer).sort();
    expect(pointers).toEqual([
      '/customerId',
      '/extra',
      '/lines/0/quantity',
      '/lines/0/sku',
      '/payment/receiptEmail',
    ]);
    for (const error of answer.body.errors)
      expect(error).toMatchObject({ code: expect.any(String), detail: expect.any(String) });
  });

  it.each([
    ['both lines and a reservation', () => ({ reservationId: reservation }), 422],
    ['neither lines nor a reservation', () => ({ lines: undefined }), 422],
    ['a reservation of null', () => ({ lines: undefined, reservationId: null }), 422],
    ['a reservation with an invalid id', () => ({ lines: undefined, reservationId: 'rsv_nope' }), 404],
    ['an order’s id as a reservation', () => ({ lines: undefined, reservationId: order }), 404],
    [
      'a reservation that does not exist',
      () => ({ lines: undefined, reservationId: 'rsv_01jd3v7q8ne05v7c0kq1e5m9tz' }),
      404,
    ],
    [
      'a reservation id above the largest',
      () => ({ lines: undefined, reservationId: 'rsv_zzzzzzzzzzzzzzzzzzzzzzzzzz' }),
      404,
    ],
    ['a reservation with a NUL', () => ({ lines: undefined, reservationId: `rsv_${nul}` }), 422],
  ])('is refused in orders: %s', async (_what, change, status) => {
    expectProblem(await send('POST orders', goodOrder(change())), { status });
  });

  it('leaves orders, stock and the provider’s ledger in agreement', () => shop.expectAudit());
});
