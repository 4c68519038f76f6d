import { outcomeOf, createWorld, expectInvariants, operator, shop, World } from '../support/fixtures';
import { countRows, line, rowsSince } from '../support/intakes';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const put = (amount: number, currency: string, sku = 'PRICED') =>
  world.products.put(sku, { name: sku, unitPrice: { amount, currency } }, {}, operator);

interface Refusal {
  code: string;
  errors: { pointer: string; code: string; detail: string }[];
  facts: Record<string, unknown>;
}
const refusalOf = async (work: Promise<unknown>): Promise<Refusal> =>
  work.then(
    () => Promise.reject(new Error('it was accepted')),
    (error: Refusal) => error,
  );

describe('PUT /v1/admin/products/{sku}', () => {
  it.each(['XYZ', 'XAU', 'XTS', 'BTC'])(
    'P14: answers 422 unknown_currency for a price in %s',
    async (code) => {
      const refusal = await refusalOf(put(1_000, code));

      expect(refusal.code).toBe('validation_failed');
      expect(refusal.errors).toMatchObject([{ pointer: '/unitPrice/currency', code: 'unknown_currency' }]);
      expect(refusal.facts).toMatchObject({ currency: code });
      expect(await world.rows(`SELECT sku FROM products WHERE sku = 'PRICED'`)).toEqual([]);
    },
  );

  it.each([
    // What a program for a currency without decimals sends.
    [4_990, 'ISK', 100, '49.90 ISK'],
    [550, 'UGX', 100, '5.50 UGX'],
    [5_125, 'KWD', 10, '5.125 KWD'],
    [1, 'BHD', 10, '0.001 BHD'],
  ])(
    'P15: answers 422 amount_not_chargeable for %d minor units of %s (stripe-ios#3986)',
    async (amount, currency, multiple, said) => {
      const refusal = await refusalOf(put(amount, currency));

      expect(refusal.errors).toMatchObject([{ pointer: '/unitPrice/amount', code: 'amount_not_chargeable' }]);
      expect(refusal.errors[0]!.detail).toContain(said);
      expect(refusal.facts).toMatchObject({ currency, multiple });
    },
  );

  it.each([
    [499_000, 'ISK'],
    [500, 'UGX'],
    [5_120, 'KWD'],
    [1, 'EUR'],
    [10, 'EUR'],
    [0, 'EUR'],
    [0, 'ISK'],
    [499_000, 'HUF'],
    [1, 'JPY'],
  ])('P15: takes a price of %d %s, small as it may be', async (amount, currency) => {
    expect(await put(amount, currency, `OK-${amount}-${currency}`)).toBe('created');
  });
});

describe('POST /v1/orders', () => {
  /** The two ways into stock: alone, and with other requests in one transaction. */
  const ways = ['conditional-update', 'grouped'];
  const totals: [amount: number, currency: string, quantity: number, facts: object][] = [
    [10, 'EUR', 4, { currency: 'EUR', minimum: 50, maximum: 99_999_999, multiple: 1 }],
    [29, 'GBP', 1, { currency: 'GBP', minimum: 30 }],
    [17_400, 'HUF', 1, { currency: 'HUF', minimum: 17_500 }],
    [49, 'JPY', 1, { currency: 'JPY', minimum: 50 }],
    [50_000_000, 'EUR', 2, { currency: 'EUR', maximum: 99_999_999 }],
    [99_999_999_999, 'IDR', 11, { currency: 'IDR', maximum: 999_999_999_999 }],
  ];
  const refused = ways.flatMap((way) => totals.map((total) => [way, ...total] as const));

  it.each(refused)(
    'P16: answers 422 total_not_chargeable before stock is taken (%s, %d %s × %d)',
    async (strategy, amount, currency, quantity, facts) => {
      const sku = await world.product({ amount, currency, strategy, onHand: 20 });
      const before = await countRows(world);
      const refusal = await refusalOf(world.order([line(sku, quantity)]));

      expect(refusal.code).toBe('validation_failed');
      expect(refusal.errors).toMatchObject([{ pointer: '/lines', code: 'total_not_chargeable' }]);
      expect(refusal.facts).toMatchObject(facts);
      expect(await rowsSince(world, before)).toEqual({});
      expect(await world.level(sku)).toMatchObject({ reserved: 0 });
    },
  );

  it.each(ways)('P16: refuses only the request whose total is too small (%s)', async (strategy) => {
    const [cheap, other] = await world.productsOf(2, { amount: 10, strategy, onHand: 20 });
    const order = (quantity: number) => outcomeOf(world.order([line(cheap!, quantity)]));

    const results = await Promise.all([
      order(5),
      order(4),
      order(10),
      outcomeOf(world.order([line(other!)])),
    ]);

    expect(results.map((code) => code === 'validation_failed')).toEqual([false, true, false, true]);
    expect([await world.level(cheap!), await world.level(other!)]).toMatchObject([
      { reserved: 15 },
      { reserved: 0 },
    ]);
  });

  it.each(ways)(
    'P16: keeps no key of a refused total, so that the fixed basket may use it (%s)',
    async (strategy) => {
      const sku = await world.product({ amount: 10, strategy, onHand: 20 });
      const checkout = world.checkout([line(sku)]);
      await refusalOf(world.intake.accept(checkout));

      expect(await world.intake.accept({ ...checkout, lines: [line(sku, 10)] })).toMatchObject({
        replayed: false,
      });
    },
  );

  it('P16: refuses the total of a reservation, which stays as it was', async () => {
    const sku = await world.product({ amount: 10 });
    const reservationId = await world.reserve([line(sku)]);
    const refusal = await refusalOf(world.order([], { reservationId }));

    expect(refusal.errors).toMatchObject([{ code: 'total_not_chargeable' }]);
    expect(refusal.facts).toMatchObject({ currency: 'EUR', minimum: 50 });
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
    await world.reservations.confirm(reservationId, shop);
  });

  it.each([
    ['a wrong multiple', 4_990, 'ISK', { multiple: 100 }],
    ['an unknown currency', 4_990, 'XYZ', { currency: 'XYZ' }],
  ])(
    'P15: refuses a total of a product with %s, which an earlier build took',
    async (_, amount, currency, facts) => {
      const sku = await world.product();
      const price = `UPDATE products SET unit_amount = $2::bigint, currency = $3::text WHERE sku = $1::text`;
      await world.rows(price, [sku, amount, currency]);
      const refusal = await refusalOf(world.order([line(sku)]));

      expect(refusal.errors).toMatchObject([{ code: 'total_not_chargeable' }]);
      expect(refusal.facts).toMatchObject(facts);
      expect((await world.products.get(sku)).unitAmount).toBe(amount);
      await world.rows(price, [sku, 1_000, 'EUR']);
    },
  );
});
