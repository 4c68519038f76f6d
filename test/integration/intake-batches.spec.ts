import type { CheckoutRequest } from '../../src/orders/intake/intake';
import { createWorld, expectInvariants, operator, type World } from '../support/fixtures';
import { countRows, line, rowsSince, wordsOf } from '../support/intakes';

let world: World;
let countedBefore: Record<string, number>;
beforeAll(async () => (world = await createWorld()));
beforeEach(async () => (countedBefore = await countRows(world)));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const decide = (requests: CheckoutRequest[]) =>
  world.db.transaction('command', (tx) => world.stock.decide(tx, world.intake.kind, requests));

/** Rows of this test in every table that an intake writes. */
const rowsWritten = () => rowsSince(world, countedBefore);

describe('checkouts of one batch', () => {
  it('are decided one by one in order of arrival', async () => {
    const [scarce, other] = [await world.product({ onHand: 3 }), await world.product()];
    const requests = [
      world.checkout([line(scarce)]),
      world.checkout([line(scarce, 3)]),
      world.checkout([line('NOBODY-KNOWS-IT')]),
      world.checkout([line(other), line(scarce, 2)]),
      world.checkout([line(scarce)]),
      world.checkout([line(other)]),
    ];

    const decisions = await decide(requests);

    expect(wordsOf(decisions)).toEqual([
      'accepted',
      'insufficient_stock',
      'validation_failed',
      'accepted',
      'insufficient_stock',
      'accepted',
    ]);
    expect(decisions[1]).toMatchObject({
      refused: { shortfalls: [{ sku: scarce, requested: 3, available: 2 }] },
    });
    expect(await rowsWritten()).toMatchObject({
      idempotency_keys: 3,
      reservations: 3,
      orders: 3,
      sagas: 3,
      outbox: 3,
    });
    expect([await world.level(scarce), await world.level(other)]).toMatchObject([
      { reserved: 3 },
      { reserved: 2 },
    ]);
  });

  it('free the idempotency keys of refused checkouts', async () => {
    const sku = await world.product({ onHand: 1 });
    const requests = [world.checkout([line(sku)]), world.checkout([line(sku)])];
    expect(wordsOf(await decide(requests))).toEqual(['accepted', 'insufficient_stock']);

    await world.products.adjust(sku, { delta: 1, reason: 'delivery' }, undefined, operator);
    expect(wordsOf(await decide(requests))).toEqual(['replayed', 'accepted']);
  });

  it('make one order of two copies of a request, and refuse another body under the same key', async () => {
    const sku = await world.product();
    const claim = world.claim('orders', 'key-1', 'body');
    const copy = { ...claim, resourceId: world.claim().resourceId };
    const other = world.claim('orders', 'key-1', 'another body');

    const decisions = await decide(
      [claim, copy, other].map((one) => world.checkout([line(sku)], { claim: one })),
    );

    expect(wordsOf(decisions)).toEqual(['accepted', 'replayed', 'idempotency_key_reused']);
    expect(decisions[1]).toMatchObject({ resourceId: claim.resourceId });
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
  });

  it('refuse a copy of a refused request, without an order id', async () => {
    const sku = await world.product({ onHand: 1 });
    const claim = world.claim('orders', 'key-2', 'body');
    const copy = { ...claim, resourceId: world.claim().resourceId };

    const decisions = await decide(
      [claim, copy].map((one) => world.checkout([line(sku, 2)], { claim: one })),
    );

    expect(wordsOf(decisions)).toEqual(['insufficient_stock', 'insufficient_stock']);
    expect(await rowsWritten()).toEqual({});
  });

  // A single remaining checkout is still taken as a group: a strategy takes line by line, and the lines that it took
  // for a refused checkout would stay taken.
  it.each<[string, (sku: string) => Promise<CheckoutRequest>]>([
    [
      'a replay',
      async (sku) => {
        const first = world.checkout([line(sku)]);
        await world.intake.accept(first);
        return first;
      },
    ],
    ['an invalid checkout', async () => world.checkout([line('NOBODY-KNOWS-IT')])],
  ])('take nothing for a short checkout next to %s', async (_beside, make) => {
    const [a, b] = await world.productsOf(2, { onHand: 5 });
    const beside = await make(await world.product());

    const decisions = await decide([beside, world.checkout([line(a!, 2), line(b!, 9)])]);

    expect(decisions).toHaveLength(2);
    expect(wordsOf(decisions)[1]).toBe('insufficient_stock');
    for (const sku of [a, b]) expect(await world.level(sku!)).toMatchObject({ reserved: 0 });
  });

  it('are each refused with their own code when the last one exceeds a limit', async () => {
    const sku = await world.product({ reservationsPerCustomerMax: 1 });
    await world.reserve([line(sku)]);

    const decisions = await decide([world.checkout([line('NOBODY-KNOWS-IT')]), world.checkout([line(sku)])]);

    expect(wordsOf(decisions)).toEqual(['validation_failed', 'reservation_limit_reached']);
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
  });

  it('count towards the limit per customer only if they are accepted', async () => {
    const [limited, scarce] = [
      await world.product({ reservationsPerCustomerMax: 1 }),
      await world.product({ onHand: 1 }),
    ];

    const decisions = await decide([
      world.checkout([line(limited), line(scarce, 2)]),
      world.checkout([line(limited)]),
      world.checkout([line(limited)]),
      world.checkout([line(limited)], { customerId: 'cus_2' }),
    ]);

    expect(wordsOf(decisions)).toEqual([
      'insufficient_stock',
      'accepted',
      'reservation_limit_reached',
      'accepted',
    ]);
  });

  it('leave nothing behind when the transaction is rolled back', async () => {
    const sku = await world.product();
    const before = await countRows(world);

    const work = world.db.transaction('command', async (tx) => {
      const requests = [world.checkout([line(sku)]), world.checkout([line(sku)])];
      expect(wordsOf(await world.stock.decide(tx, world.intake.kind, requests))).toEqual([
        'accepted',
        'accepted',
      ]);
      throw new Error('the process dies here');
    });

    await expect(work).rejects.toThrow('the process dies here');
    expect(await countRows(world)).toEqual(before);
    expect(await world.level(sku)).toMatchObject({ reserved: 0 });
  });
});
