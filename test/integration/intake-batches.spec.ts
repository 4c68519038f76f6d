import type { CheckoutRequest } from '../../src/orders/intake/intake';
import {
  answerOf,
  createWorld,
  expectInvariants,
  operator,
  shop,
  untilBlocked,
  type World,
} from '../support/fixtures';
import { countRows, line, rowsSince, wordsOf } from '../support/intakes';

let world: World;
let countedBefore: Record<string, number>;
beforeAll(async () => (world = await createWorld()));
beforeEach(async () => (countedBefore = await countRows(world)));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const acceptAll = (requests: CheckoutRequest[]) =>
  world.db.transaction('command', (tx) => world.intake.acceptAll(tx, requests));

/** The rows that this test has written, of everything that an intake writes. */
const rowsWritten = () => rowsSince(world, countedBefore);

describe('checkouts that are accepted together', () => {
  it('are decided in the order in which they came, each with an answer of its own', async () => {
    const [scarce, other] = [await world.product({ onHand: 3 }), await world.product()];
    const requests = [
      world.checkout([line(scarce)]),
      world.checkout([line(scarce, 3)]),
      world.checkout([line('NOBODY-KNOWS-IT')]),
      world.checkout([line(other), line(scarce, 2)]),
      world.checkout([line(scarce)]),
      world.checkout([line(other)]),
    ];

    const answers = await acceptAll(requests);

    expect(wordsOf(answers)).toEqual([
      'accepted',
      'insufficient_stock',
      'validation_failed',
      'accepted',
      'insufficient_stock',
      'accepted',
    ]);
    expect(answers[1]).toMatchObject({
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

  it('leave the keys of the refused ones free', async () => {
    const sku = await world.product({ onHand: 1 });
    const requests = [world.checkout([line(sku)]), world.checkout([line(sku)])];
    expect(wordsOf(await acceptAll(requests))).toEqual(['accepted', 'insufficient_stock']);

    await world.products.adjust(sku, { delta: 1, reason: 'delivery' }, undefined, operator);
    expect(wordsOf(await acceptAll(requests))).toEqual(['replayed', 'accepted']);
  });

  it('make one order of two copies of a request, and refuse another body under its key', async () => {
    const sku = await world.product();
    const claim = world.claim('orders', 'key-1', 'body');
    const copy = { ...claim, resourceId: world.claim().resourceId };
    const other = world.claim('orders', 'key-1', 'another body');

    const answers = await acceptAll(
      [claim, copy, other].map((one) => world.checkout([line(sku)], { claim: one })),
    );

    expect(wordsOf(answers)).toEqual(['accepted', 'replayed', 'idempotency_key_reused']);
    expect(answers[1]).toMatchObject({ orderId: claim.resourceId });
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
  });

  it('never name an order that was refused to a copy of its request', async () => {
    const sku = await world.product({ onHand: 1 });
    const claim = world.claim('orders', 'key-2', 'body');
    const copy = { ...claim, resourceId: world.claim().resourceId };

    const answers = await acceptAll(
      [claim, copy].map((one) => world.checkout([line(sku, 2)], { claim: one })),
    );

    expect(wordsOf(answers)).toEqual(['insufficient_stock', 'insufficient_stock']);
    expect(await rowsWritten()).toEqual({});
  });

  it('may stand on reservations and on new stock side by side', async () => {
    const sku = await world.product({ onHand: 5 });
    const reserved = await world.reserve([line(sku, 2)]);
    const ended = await world.reserve([line(sku)]);
    await world.reservations.release(ended, shop);
    const requests = [
      world.checkout([], { reservationId: ended }),
      world.checkout([line(sku, 2)]),
      world.checkout([], { reservationId: reserved }),
      world.checkout([], { reservationId: reserved }),
      world.checkout([line(sku, 2)]),
    ];

    const answers = await acceptAll(requests);

    expect(wordsOf(answers)).toEqual([
      'reservation_already_released',
      'accepted',
      'accepted',
      'reservation_has_order',
      'insufficient_stock',
    ]);
    expect(await rowsWritten()).toMatchObject({ orders: 2, sagas: 2 });
    expect(await world.level(sku)).toMatchObject({ reserved: 4 });
  });

  // With one left to decide, the strategies take it line by line, and what they took of a refused one must not stay.
  it.each<[string, (sku: string) => Promise<CheckoutRequest>]>([
    [
      'a replay',
      async (sku) => {
        const first = world.checkout([line(sku)]);
        await world.intake.accept(first);
        return first;
      },
    ],
    [
      'a checkout on a reservation',
      async (sku) => world.checkout([], { reservationId: await world.reserve([line(sku)]) }),
    ],
    ['one that cannot be valid', async () => world.checkout([line('NOBODY-KNOWS-IT')])],
  ])('take nothing for a short one beside %s', async (_beside, make) => {
    const [a, b] = await world.productsOf(2, { onHand: 5 });
    const beside = await make(await world.product());

    const answers = await acceptAll([beside, world.checkout([line(a!, 2), line(b!, 9)])]);

    expect(answers).toHaveLength(2);
    expect(wordsOf(answers)[1]).toBe('insufficient_stock');
    for (const sku of [a, b]) expect(await world.level(sku!)).toMatchObject({ reserved: 0 });
  });

  it('each get their own answer when the last one left goes over a limit', async () => {
    const sku = await world.product({ reservationsPerCustomerMax: 1 });
    await world.reserve([line(sku)]);

    const answers = await acceptAll([world.checkout([line('NOBODY-KNOWS-IT')]), world.checkout([line(sku)])]);

    expect(wordsOf(answers)).toEqual(['validation_failed', 'reservation_limit_reached']);
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
  });

  it('count towards a customer’s limit only when they are accepted', async () => {
    const [limited, scarce] = [
      await world.product({ reservationsPerCustomerMax: 1 }),
      await world.product({ onHand: 1 }),
    ];

    const answers = await acceptAll([
      world.checkout([line(limited), line(scarce, 2)]),
      world.checkout([line(limited)]),
      world.checkout([line(limited)]),
      world.checkout([line(limited)], { customerId: 'cus_2' }),
    ]);

    expect(wordsOf(answers)).toEqual([
      'insufficient_stock',
      'accepted',
      'reservation_limit_reached',
      'accepted',
    ]);
  });

  it('leave nothing behind when their transaction is rolled back', async () => {
    const sku = await world.product();
    const reservationId = await world.reserve([line(sku)]);
    const before = await countRows(world);

    const work = world.db.transaction('command', async (tx) => {
      const answers = await world.intake.acceptAll(tx, [
        world.checkout([line(sku)]),
        world.checkout([], { reservationId }),
      ]);
      expect(wordsOf(answers)).toEqual(['accepted', 'accepted']);
      throw new Error('the process dies here');
    });

    await expect(work).rejects.toThrow('the process dies here');
    expect(await countRows(world)).toEqual(before);
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
    expect((await world.reservation(reservationId)).orderId).toBeNull();
  });

  // Everywhere: saga, reservation, stock levels.
  it('lock reservations before stock rows, as a release does', async () => {
    const sku = await world.product();
    const reservationId = await world.reserve([line(sku)]);
    const before = await world.deadlocks();
    const holder = await world.session();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM stock_levels WHERE sku = $1 FOR UPDATE', [sku]);

    const batch = acceptAll([world.checkout([line(sku)]), world.checkout([], { reservationId })]);
    await untilBlocked(world, 1);
    const release = answerOf(world.reservations.release(reservationId, shop));
    await untilBlocked(world, 2);
    await holder.query('COMMIT');
    await holder.end();

    expect(wordsOf(await batch)[0]).toBe('accepted');
    expect(await release).toBe('ok');
    expect((await world.deadlocks()) - before).toBe(0);
  });
});
