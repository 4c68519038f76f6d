import { DataSource } from 'typeorm';
import { Database } from '../../src/database/database';
import { dataSourceOptions } from '../../src/database/data-source';
import { wayThroughPools } from '../../src/inventory/products/pools';
import { newId } from '../../src/ids';
import { strategyNames } from '../../src/inventory/allocation/strategies/strategies';
import { ReservationShipments } from '../../src/inventory/shipments/reservation-shipments';
import { Checkout } from '../support/checkouts';
import {
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  operator,
  outcomeOf,
  shop,
  until,
  untilBlocked,
  World,
} from '../support/fixtures';
import { line, wordsOf } from '../support/intakes';
import { stockIn } from '../support/stock-changes';

const exceeded = 'units_per_customer_exceeded';

let world: World;
/** Another process on the same database. */
let other: World;
beforeAll(async () => {
  world = await createWorld();
  const dataSource = await new DataSource(dataSourceOptions(world.config, 'another process')).initialize();
  other = new World(world.config, dataSource, new Database(dataSource), async () => undefined);
});
afterEach(() => expectInvariants(world));
afterAll(async () => {
  await other.close();
  await world.close();
});

const limited = (unitsPerCustomerMax: number, more = {}) =>
  world.product({ onHand: 100, unitsPerCustomerMax, ...more });
const reserve = (sku: string, quantity = 1, more = {}) =>
  world.reserve([line(sku, quantity)], { customerId: 'anna', ...more });
const factsOf = (work: Promise<unknown>) =>
  work.then(
    () => ({}),
    (error) => error.facts,
  );

describe('64 requests of one customer at once, in two processes', () => {
  it.each(strategyNames)('get as many units as are allowed, and others are served (%s)', async (strategy) => {
    const sku = await limited(3, { strategy });
    const pools = ['shard-1', 'shard-2', 'shard-3', undefined];
    const buyer = (customerId: string, nth: number) => () =>
      [world, other][nth % 2]!.reserve([line(sku)], { customerId, pool: pools[nth % 4] });
    const greedy = Array.from({ length: 64 }, (_, nth) => buyer('greedy', nth));

    const codes = codesOf(await inParallel(24, [...greedy, buyer('modest', 1)]));

    expect(codes.pop()).toBe('ok');
    // On a hot row `serializable` and `lease` give up on some, who may ask again.
    expect(codes.filter((code) => ![exceeded, 'unavailable', 'ok'].includes(code))).toEqual([]);
    for (const _ of codes) if ((await outcomeOf(buyer('greedy', 0)())) === exceeded) break;
    expect(await world.level(sku)).toEqual({ onHand: 100, reserved: 4 });
  });

  it('get as many as are allowed as orders and as changes of two reservations, too', async () => {
    const sku = await limited(5, { strategy: 'pools' });
    const [one, two] = [await reserve(sku), await reserve(sku)];
    const acts: (() => Promise<unknown>)[] = Array.from({ length: 16 }, (_, nth) => [
      () => world.change(one, [line(sku, 2 + (nth % 3))]),
      () => other.change(two, [line(sku, 2 + (nth % 3))]),
      () => world.order([line(sku)], { customerId: 'anna' }),
    ]).flat();

    const codes = codesOf(await inParallel(16, acts));

    expect(codes.filter((code) => code !== 'ok' && code !== exceeded)).toEqual([]);
    expect(codes).toContain(exceeded);
    expect((await world.level(sku)).reserved).toBeLessThanOrEqual(5);
    expect((await world.level(sku)).reserved).toBeGreaterThanOrEqual(4);
  });

  it('in one batch are decided in order of arrival', async () => {
    const sku = await limited(3, { strategy: 'grouped' });
    await reserve(sku);
    const asked = [1, 2, 1, 1].map((quantity) =>
      world.checkout([line(sku, quantity)], { customerId: 'anna' }),
    );
    asked.push(world.checkout([line(sku, 3)], { customerId: 'ben' }));
    const decisions = await world.db.transaction('command', (tx) =>
      world.stock.decide(tx, world.intake.kind, asked),
    );
    expect(wordsOf(decisions)).toEqual(['accepted', exceeded, 'accepted', exceeded, 'accepted']);
    expect(decisions[3]).toMatchObject({
      refused: { facts: { sku, unitsPerCustomerMax: 3, held: 3, bought: 0 } },
    });
  });
});

describe('the limit of units per customer', () => {
  it('counts live and sold units, and says how many of each', async () => {
    const sku = await limited(4);
    expect(await factsOf(reserve(sku, 5))).toEqual({ sku, unitsPerCustomerMax: 4, held: 0, bought: 0 });
    await world.reservations.confirm(await reserve(sku, 2), shop);
    await reserve(sku);
    expect(await factsOf(reserve(sku, 2))).toEqual({ sku, unitsPerCustomerMax: 4, held: 1, bought: 2 });
    expect(await outcomeOf(reserve(sku, 1))).toBe('ok');
  });

  it('counts each principal’s customers, each SKU and each customer for itself', async () => {
    const [sku, second] = [await limited(1), await limited(1)];
    await world.reserve([line(sku), line(second)], { customerId: 'anna' });
    expect(await outcomeOf(reserve(sku))).toBe(exceeded);
    const request = world.reservationRequest([line(sku)], { customerId: 'anna' });
    const claim = { ...world.claim('reservations'), principal: 'another shop', resourceId: request.id };
    expect(await outcomeOf(world.reservations.create({ ...request, principal: 'another shop' }, claim))).toBe(
      'ok',
    );
    expect(await outcomeOf(reserve(sku, 1, { customerId: 'ben' }))).toBe('ok');
  });

  it('lets a customer buy again after a release, an expiry, or its time being up', async () => {
    const sku = await limited(1);
    await world.reservations.release(await reserve(sku), shop);
    await world.makeDue(await reserve(sku));
    const again = await reserve(sku);
    expect(await outcomeOf(reserve(sku))).toBe(exceeded);
    await world.makeDue(again);
    await world.reservations.expireDue();
    expect(await outcomeOf(reserve(sku))).toBe('ok');
  });

  it.each(['rejected', 'cancelled', 'refunded'])(
    'lets a customer buy again after an order was %s',
    async (end) => {
      const checkout = await Checkout.start(world, { unitsPerCustomerMax: 1 });
      const buy = () => world.reserve([line(checkout.sku)]);
      expect(await outcomeOf(buy())).toBe(exceeded);
      if (end === 'rejected') await checkout.cancel();
      await checkout.driveToItsEnd();
      if (end !== 'rejected') {
        expect(await factsOf(buy())).toMatchObject({ held: 0, bought: 1 });
        await (end === 'cancelled' ? checkout.cancel() : checkout.refund());
        await checkout.driveToItsEnd();
      }
      expect((await checkout.end()).order).toContain(end);
      expect(await outcomeOf(buy())).toBe('ok');
    },
  );

  it('counts shipped units until they are returned, restocked or not', async () => {
    const sku = await limited(4);
    const shipments = new ReservationShipments(world.db);
    const id = await reserve(sku, 4);
    await world.reservations.confirm(id, shop);
    await shipments.ship(id, { lines: [line(sku, 3)] }, newId(), shop);
    expect(await factsOf(reserve(sku))).toMatchObject({ held: 0, bought: 4 });

    // One that was not shipped yet, and one that was.
    await shipments.takeBack(id, { lines: [line(sku, 2)] }, newId(), shop);

    expect(await factsOf(reserve(sku, 3))).toMatchObject({ held: 0, bought: 2 });
    expect(await outcomeOf(reserve(sku, 2))).toBe('ok');
  });

  it('judges a change of a reservation by the units that it adds', async () => {
    const [sku, free] = [await limited(4), await world.product()];
    const id = await reserve(sku, 2);
    await reserve(sku);
    expect(await factsOf(world.change(id, [line(sku, 4)]))).toEqual({
      sku,
      unitsPerCustomerMax: 4,
      held: 3,
      bought: 0,
    });
    expect(await outcomeOf(world.change(id, [line(sku, 3), line(free, 5)]))).toBe('ok');
    expect(await outcomeOf(world.change(id, [line(sku, 1)]))).toBe('ok');
    const another = await world.reserve([line(free)], { customerId: 'anna' });
    expect(await outcomeOf(world.change(another, [line(free), line(sku, 3)]))).toBe(exceeded);
    expect(await outcomeOf(world.change(another, [line(free), line(sku, 2)]))).toBe('ok');
  });

  it('takes nothing away when it is set below what a customer holds', async () => {
    const sku = await world.product();
    const id = await reserve(sku, 5);
    const { name, unitAmount, currency, version } = await world.products.get(sku);
    const dto = { name, unitPrice: { amount: unitAmount, currency }, unitsPerCustomerMax: 2 };
    await world.products.put(sku, dto, { ifMatch: `"${version}"` }, operator);
    expect(await factsOf(reserve(sku))).toMatchObject({ held: 5 });
    expect(await outcomeOf(world.change(id, [line(sku, 4)]))).toBe('ok');
    expect(await outcomeOf(world.change(id, [line(sku, 5)]))).toBe(exceeded);
    expect(
      await outcomeOf(world.intake.accept(world.checkout([], { reservationId: id, customerId: 'anna' }))),
    ).toBe('ok');
  });

  it('does not hold back a late charge', async () => {
    const checkout = await Checkout.start(world, { onHand: 5, unitsPerCustomerMax: 1 });
    await checkout.driveWhile({ capture: 'answer lost' });
    await checkout.act('resolve');
    await world.reserve([line(checkout.sku)]);
    await checkout.driveToItsEnd();
    expect(await checkout.end()).toMatchObject({ order: 'placed' });
  });

  it('holds for a request that read its product before the list of pools was changed', async () => {
    const sku = await stockIn(world, { a: 4, b: 4 }, { unitsPerCustomerMax: 1 });
    const own = (pools: string[], customerId: string) =>
      wayThroughPools({ pools, isLimited: true }, { customerId }).pool;
    const customerId = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6'].find(
      (id) => own(['a', 'b'], id) !== own(['a', 'b', 'c'], id),
    )!;
    /** Waits before it takes stock, and before it commits. */
    const buyer = (takes: Promise<void>, commits: Promise<void>) =>
      world.db.transaction('command', async (tx) => {
        const rows = tx.rows.bind(tx);
        tx.rows = async (sql, parameters) => {
          if (sql.includes('WITH seen')) await takes;
          return rows(sql, parameters);
        };
        const outcome = await world.reserver.single(
          tx,
          world.reservationRequest([line(sku)], { customerId }),
        );
        if ('refused' in outcome) throw outcome.refused;
        await commits;
      });
    const [early, late] = [opening(), opening()];
    const one = outcomeOf(buyer(early.promise, Promise.resolve()));
    await until(async () => early.isAwaited);
    const { version, name, unitAmount, currency } = await world.products.get(sku);
    const unitPrice = { amount: unitAmount, currency };
    const dto = { name, unitPrice, strategy: 'pools', pools: ['a', 'b', 'c'], unitsPerCustomerMax: 1 };
    await world.products.put(sku, dto, { ifMatch: `"${version}"` }, operator);
    const two = outcomeOf(buyer(Promise.resolve(), late.promise));
    await until(async () => late.isAwaited);
    early.open();
    await Promise.race([untilBlocked(world), one]);
    late.open();

    expect([await one, await two]).toEqual([exceeded, 'ok']);
    expect((await world.level(sku)).reserved).toBe(1);
  });
});

/** A promise that the test opens, and that knows whether somebody waits for it. */
function opening() {
  let open!: () => void;
  const inner = new Promise<void>((resolve) => (open = resolve));
  const state = {
    isAwaited: false,
    open,
    promise: {
      then: (...args: Parameters<typeof inner.then>) => {
        state.isAwaited = true;
        return inner.then(...args);
      },
    } as unknown as Promise<void>,
  };
  return state;
}
