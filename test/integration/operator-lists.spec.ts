import { publicId } from '../../src/ids';
import { reservationPage } from '../../src/inventory/reservations/reservation-list.repository';
import type { ReservationListQuery } from '../../src/inventory/reservations/reservations.dto';
import { type OrderFilter, listAllOrders } from '../../src/reporting/lists/order-list';
import { Checkout } from '../support/checkouts';
import { outcomeOf, createWorld, expectInvariants, type World } from '../support/fixtures';

/** An operator's lists: every filter, single and combined, in pages that neither repeat nor miss a row. */

let world: World;
beforeEach(async () => (world = await createWorld()));
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

const everything: OrderFilter = {
  statuses: null,
  sagaStatuses: null,
  steps: null,
  customerId: null,
  paymentUnknown: false,
  from: null,
  to: null,
};

describe('the list of orders', () => {
  /** One order for each state that the list can filter by, under a name. */
  async function oneOfEach(): Promise<Map<string, string>> {
    const checkout = () => Checkout.start(world);
    const made = {
      'just accepted': await checkout(),
      placed: await (await checkout()).driveWhile({}),
      'capture unheard': await (await checkout()).driveWhile({ capture: 'question lost' }),
      stuck: await (
        await (await (await checkout()).driveWhile({ authorize: 'question lost' })).spendAttempts()
      ).driveWhile({ authorize: 'question lost' }),
      declined: await (await Checkout.start(world, { declines: { authorize: true } })).driveWhile({}),
      'void unheard': await (
        await Checkout.start(world, { declines: { capture: true } })
      ).driveWhile({ void: 'question lost' }),
      refunded: await (await (await (await checkout()).driveWhile({})).refund()).driveWhile({}),
      'given up': await (
        await (await (await checkout()).driveWhile({ authorize: 'question lost' })).act('resolve')
      ).driveWhile({ authorize: 'question lost' }),
    };
    return new Map(Object.entries(made).map(([name, { orderId }]) => [orderId, name]));
  }

  it('finds orders by status, saga, step and payment, single and combined', async () => {
    const names = await oneOfEach();
    const found = async (filter: Partial<OrderFilter>) => {
      const orders = await listAllOrders(
        world.db,
        { ...everything, ...filter },
        { limit: 100, before: null },
      );
      return orders.map(({ id }) => names.get(id));
    };

    expect(await found({})).toEqual([...names.values()].reverse());
    expect(await found({ statuses: ['pending'] })).toEqual([
      'void unheard',
      'stuck',
      'capture unheard',
      'just accepted',
    ]);
    expect(await found({ statuses: ['placed'] })).toEqual(['placed']);
    expect(await found({ statuses: ['rejected'] })).toEqual(['given up', 'declined']);
    expect(await found({ statuses: ['refunded', 'placed'] })).toEqual(['refunded', 'placed']);
    expect(await found({ statuses: ['cancelled'] })).toEqual([]);
    expect(await found({ sagaStatuses: ['stuck'] })).toEqual(['stuck']);
    expect(await found({ sagaStatuses: ['running'] })).toEqual(['capture unheard', 'just accepted']);
    expect(await found({ sagaStatuses: ['compensated'] })).toEqual(['refunded', 'declined']);
    expect(await found({ sagaStatuses: ['compensating'] })).toEqual(['given up', 'void unheard']);
    expect(await found({ sagaStatuses: ['completed', 'stuck'] })).toEqual(['stuck', 'placed']);
    expect(await found({ steps: ['capture-payment'] })).toEqual(['capture unheard']);
    expect(await found({ steps: ['capture-payment', 'place-order'] })).toEqual(['capture unheard', 'placed']);
    expect(await found({ statuses: ['rejected'], sagaStatuses: ['compensating', 'stuck'] })).toEqual([
      'given up',
    ]);
    expect(await found({ statuses: ['placed'], sagaStatuses: ['stuck'] })).toEqual([]);
    expect(await found({ paymentUnknown: true })).toEqual([
      'given up',
      'void unheard',
      'stuck',
      'capture unheard',
    ]);
    expect(await found({ paymentUnknown: true, statuses: ['rejected'] })).toEqual(['given up']);
  });

  it('finds the orders of a customer and of a period', async () => {
    const sku = await world.product({ onHand: 10 });
    const line = [{ sku, quantity: 1 }];
    const first = await world.order(line, { customerId: 'cus_a' });
    const second = await world.order(line, { customerId: 'cus_b' });
    const third = await world.order(line, { customerId: 'cus_a' });
    await world.rows(
      `UPDATE orders SET created_at = created_at - interval '1 minute' WHERE id = ANY ($1::uuid[])`,
      [[first, second]],
    );
    const now = new Date();
    const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);
    const found = async (filter: Partial<OrderFilter>) =>
      (await listAllOrders(world.db, { ...everything, ...filter }, { limit: 9, before: null })).map(
        ({ id }) => id,
      );

    expect(await found({ customerId: 'cus_a' })).toEqual([third, first]);
    expect(await found({ from: ago(40) })).toEqual([third]);
    expect(await found({ to: ago(40) })).toEqual([second, first]);
    expect(await found({ from: ago(90), to: ago(40), customerId: 'cus_a' })).toEqual([first]);
    expect(await found({ from: ago(90), to: ago(80) })).toEqual([]);
    expect(await found({ customerId: 'cus_b', statuses: ['placed'] })).toEqual([]);
    expect(await found({ customerId: 'cus_b', paymentUnknown: true })).toEqual([]);
  });

  it('returns every row once over all pages, with any filter', async () => {
    const names = await oneOfEach();
    for (const filter of [{}, { statuses: ['pending', 'rejected'] }, { paymentUnknown: true }] as const) {
      const wanted = { ...everything, ...filter } as OrderFilter;
      const whole = await listAllOrders(world.db, wanted, { limit: 100, before: null });
      const seen: string[] = [];
      for (let before: string | null = null; ;) {
        const page = await listAllOrders(world.db, wanted, { limit: 2, before });
        seen.push(...page.slice(0, 2).map(({ id }) => id));
        if (page.length < 3) break;
        before = page[1]!.id;
      }
      expect(seen).toEqual(whole.map(({ id }) => id));
    }
    expect(names.size).toBe(8);
  });
});

describe('the list of reservations', () => {
  const idsOf = async (query: ReservationListQuery) =>
    (await reservationPage(world.db, { limit: '100', ...query })).data.map(({ id }) => id);
  const rsv = (id: string) => publicId('rsv', id);

  it('finds reservations by status, product, customer and expiry, single and combined', async () => {
    const [apple, pear] = [await world.product(), await world.product()];
    const late = await world.reserve([{ sku: apple, quantity: 1 }], { ttlSeconds: 500 });
    const soon = await world.reserve([{ sku: apple, quantity: 2 }], { ttlSeconds: 30, customerId: 'cus_2' });
    const both = await world.reserve(
      [
        { sku: apple, quantity: 1 },
        { sku: pear, quantity: 1 },
      ],
      { ttlSeconds: 200 },
    );
    const gone = await world.reserve([{ sku: pear, quantity: 1 }], { ttlSeconds: 100 });
    await world.reservations.release(gone, { name: 'shop', role: 'client' });
    const due = await world.reserve([{ sku: pear, quantity: 1 }], { customerId: 'cus_2' });
    await world.makeDue(due);

    expect(await idsOf({})).toEqual([due, gone, both, soon, late].map(rsv));
    expect(await idsOf({ status: 'active' })).toEqual([both, soon, late].map(rsv));
    expect(await idsOf({ status: 'active,pinned', sort: 'ends' })).toEqual([soon, both, late].map(rsv));
    expect(await idsOf({ status: 'released' })).toEqual([gone].map(rsv));
    expect(await idsOf({ status: 'expired,released' })).toEqual([due, gone].map(rsv));
    expect(await idsOf({ sku: pear })).toEqual([due, gone, both].map(rsv));
    expect(await idsOf({ sku: apple, sort: 'ends' })).toEqual([soon, both, late].map(rsv));
    expect(await idsOf({ customerId: 'cus_2' })).toEqual([due, soon].map(rsv));
    expect(await idsOf({ customerId: 'cus_2', status: 'active', sku: apple })).toEqual([soon].map(rsv));
    expect(await idsOf({ expiringWithinSeconds: '60' })).toEqual([soon].map(rsv));
    expect(await idsOf({ expiringWithinSeconds: '300', sort: 'ends' })).toEqual([soon, both].map(rsv));
    expect(await idsOf({ expiringWithinSeconds: '300', sku: pear })).toEqual([both].map(rsv));
  });

  it('shows a due reservation as expired, and not among the active, before the sweeper ran', async () => {
    const due = await world.reserve([{ sku: await world.product(), quantity: 1 }]);
    await world.makeDue(due);
    const { data } = await reservationPage(world.db, { status: 'expired' });
    expect(data).toMatchObject([
      { id: rsv(due), status: 'expired', endReason: 'expired', expiresInSeconds: 0 },
    ]);
    expect(await idsOf({ status: 'active' })).toEqual([]);
    await world.reservations.expireDue();
  });

  it.each([
    { sort: 'ends', status: 'active,pinned' },
    { sort: 'newest' },
    { sort: 'ends', sku: 'MANY' },
    { sku: 'MANY' },
    { customerId: 'cus_1', sort: 'ends' },
  ] as const)('returns every row once over all pages (%j)', async (query) => {
    const sku = await world.product({ sku: 'MANY', onHand: 20 });
    for (let nth = 0; nth < 7; nth++)
      await world.reserve([{ sku, quantity: 1 }], { ttlSeconds: 100 + ((nth * 37) % 90) });
    // Two that end in the same microsecond are still in a fixed order.
    await world.rows(
      `UPDATE reservations SET expires_at = (SELECT max(expires_at) FROM reservations)
        WHERE id IN (SELECT id FROM reservations ORDER BY id LIMIT 2)`,
    );
    const whole = await idsOf(query);
    const seen: string[] = [];
    for (let cursor: string | null = null; ;) {
      const page: Awaited<ReturnType<typeof reservationPage>> = await reservationPage(world.db, {
        ...query,
        limit: '2',
        ...(cursor && { cursor }),
      });
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor;
      if (!page.hasMore) break;
    }
    expect(seen).toEqual(whole);
    expect(new Set(seen).size).toBe(7);
  });

  it('refuses to sort ended reservations by expiry, and a cursor of another sort order', async () => {
    const sku = await world.product();
    for (let nth = 0; nth < 2; nth++) await world.reserve([{ sku, quantity: 1 }]);
    const { nextCursor } = await reservationPage(world.db, { sort: 'ends', limit: '1' });
    expect(await outcomeOf(reservationPage(world.db, { cursor: nextCursor! }))).toBe('validation_failed');
    expect(await outcomeOf(Promise.resolve().then(() => reservationPage(world.db, { sort: 'ends', status: 'expired' })))).toBe('validation_failed'); // prettier-ignore
  });
});
