import { type Answer, expectProblem } from '../support/http-client';
import { inParallel, openShop, tally } from '../support/shop';

/** Without a wait the response may still contain the end, if the order ended quickly. */
const outcome = ({ status, body }: Answer): string => (status < 300 ? 'accepted' : body.code);

const strategies = ['conditional-update', 'row-lock'];

describe('three hundred buyers at two API processes', () => {
  const shop = openShop({ queue: 'postgres', apis: 2 });
  const apiOf = (index: number) => shop.client.at(shop.service.apis[index % 2]!);

  it.each(strategies)('get exactly the seven units, by %s', async (strategy) => {
    const [sku, other] = [await shop.product(7, { strategy }), await shop.product(7, { strategy })];
    const answers = await inParallel(300, 300, (index) =>
      shop.order({ lines: [{ sku, quantity: 1 }] }, { by: apiOf(index), waitSeconds: 30 }),
    );

    expect(tally(answers, ({ status, body }) => `${status} ${body.code ?? body.status}`)).toEqual({
      '201 placed': 7,
      '409 insufficient_stock': 293,
    });
    for (const answer of answers.filter(({ status }) => status === 409)) {
      expect(answer.body.shortfalls).toEqual([{ sku, requested: 1, available: 0 }]);
    }
    const ledger = await shop.ledger();
    const winners = answers
      .filter(({ status }) => status === 201)
      .map(({ body }) => ledger.get(body.id)?.captured);
    expect(winners).toEqual(Array.from({ length: 7 }, () => 1999));
    expect((await shop.client.get(`/v1/stock/${sku}`)).body).toMatchObject({
      onHand: 7,
      reserved: 7,
      available: 0,
    });
    expect(await shop.available(other)).toBe(7);
  });

  it.each(strategies)(
    'buy the last unit although half of the cards are declined, by %s',
    async (strategy) => {
      const sku = await shop.product(10, { strategy });
      const paymentMethodOf = (index: number) => (index % 2 ? 'pm_card_visa' : 'pm_card_chargeDeclined');
      const buy = (index: number) =>
        shop.order(
          { paymentMethod: paymentMethodOf(index), lines: [{ sku, quantity: 1 }] },
          { by: apiOf(index >> 1), waitSeconds: 30 },
        );
      const answers = await inParallel(60, 12, buy);
      const placed = answers.filter(({ status }) => status === 201).length;
      // The units of the last declined orders are still for sale.
      const rest = await inParallel(10 - placed, 1, () => buy(1));

      expect(Object.keys(tally(answers, ({ status }) => status)).sort()).toEqual(
        expect.arrayContaining(['201', '402']),
      );
      expect(rest.filter(({ status }) => status !== 201)).toEqual([]);
      expect((await shop.client.get(`/v1/stock/${sku}`)).body).toMatchObject({
        onHand: 10,
        reserved: 10,
        available: 0,
      });
    },
  );

  it('buy every unit while the strategy changes', async () => {
    const sku = await shop.product(40);
    const switching = inParallel(12, 1, async (round) => {
      const body = {
        name: 'Switched',
        unitPrice: { amount: 1999, currency: 'EUR' },
        strategy: strategies[round % 2],
      };
      return (await shop.admin.put(`/v1/admin/products/${sku}`, body, { headers: { 'if-match': '*' } }))
        .status;
    });
    const answers = await inParallel(120, 40, (index) =>
      shop.order({ lines: [{ sku, quantity: 1 }] }, { by: apiOf(index) }),
    );

    expect(await switching).toEqual(Array.from({ length: 12 }, () => 200));
    expect(tally(answers, outcome)).toEqual({ accepted: 40, insufficient_stock: 80 });
  });

  it('order two products in opposite order without a deadlock', async () => {
    const [left, right] = [await shop.product(30), await shop.product(30, { strategy: 'row-lock' })];
    const orders = [
      [left, right],
      [right, left],
    ];
    const answers = await inParallel(60, 60, (index) =>
      shop.order(
        { lines: orders[index % 2]!.map((sku) => ({ sku, quantity: 1 })) },
        { by: apiOf(index >> 1) },
      ),
    );

    expect(tally(answers, outcome)).toEqual({ accepted: 30, insufficient_stock: 30 });
    expect([await shop.available(left), await shop.available(right)]).toEqual([0, 0]);
    const [{ deadlocks }] = (await shop.query<{ deadlocks: string }>(
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    )) as [{ deadlocks: string }];
    expect(Number(deadlocks)).toBe(0);
  });

  it('cannot exceed the reservations per customer that the product allows', async () => {
    const sku = await shop.product(50, { reservationsPerCustomerMax: 2, quantityPerOrderMax: 3 });
    const answers = await inParallel(30, 30, (index) =>
      shop.reserve({ customerId: 'cus_greedy', lines: [{ sku, quantity: 1 }] }, { by: apiOf(index) }),
    );

    expect(tally(answers, outcome)).toEqual({ accepted: 2, reservation_limit_reached: 28 });
    expect((await shop.reserve({ customerId: 'cus_modest', lines: [{ sku, quantity: 1 }] })).status).toBe(
      201,
    );
    const tooMany = await shop.reserve({ lines: [{ sku, quantity: 4 }] });
    expectProblem(tooMany, { status: 422, code: 'validation_failed', pointer: '/lines/0/quantity' });
    expect(await shop.available(sku)).toBe(47);
  });

  it('pass the audit against the provider’s ledger', () => shop.expectAudit());
});
