import type { HoldfastError } from '../../src/errors';
import { productView } from '../../src/inventory/catalogue/products.responses';
import { expiringStockOf } from '../../src/inventory/reservations/reservation-list.repository';
import { Checkout } from '../support/checkouts';
import { createWorld, expectInvariants, operator, shop, type World } from '../support/fixtures';

/** A product's stock by state, expiring stock, movements, and concurrent edits. */

let world: World;
beforeEach(async () => (world = await createWorld()));
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

const stockOf = async (sku: string) => productView(await world.products.get(sku)).stock;

describe('the stock of a product', () => {
  it('reports sold, pinned, reserved and available units', async () => {
    const sku = await world.product({ onHand: 20 });
    await world.reserve([{ sku, quantity: 3 }]);
    await world.reservations.confirm(await world.reserve([{ sku, quantity: 4 }]), shop);
    const orderId = await world.order([{ sku, quantity: 2 }]);
    world.gateway.expect('authorize', { status: 'unknown', detail: 'no answer' });
    await world.runner().drive(orderId);

    const stock = { onHand: 20, reserved: 9, confirmed: 4, pinned: 2, active: 3, available: 11 };
    expect(await stockOf(sku)).toEqual({ ...stock, byPool: [{ pool: 'main', ...stock }] });
    const { data } = await world.products.list({});
    expect(data[0]!.stock).toMatchObject(stock);
  });

  it('is reported for each pool, and adds up', async () => {
    const sku = await world.product({ onHand: 20, strategy: 'pools', pools: ['eu', 'us'] });
    for (let nth = 0; nth < 6; nth++)
      await world.reserve([{ sku, quantity: 2 }], { customerId: `cus_${nth}`, pool: nth < 4 ? 'eu' : 'us' });
    const stock = await stockOf(sku);
    expect(stock.byPool.map(({ pool, active, available }) => [pool, active, available])).toEqual([
      ['eu', 8, 2],
      ['us', 4, 6],
    ]);
    expect(stock).toMatchObject({ active: 12, confirmed: 0, available: 8 });
  });

  it('moves from reserved to pinned when the charge begins', async () => {
    const found = await Checkout.start(world);
    const before = productView(await world.products.get(found.sku)).stock;
    await found.driveWhile({ authorize: 'question lost' });
    const after = productView(await world.products.get(found.sku)).stock;
    expect([before.active, before.pinned, after.active, after.pinned]).toEqual([1, 0, 0, 1]);
  });
});

describe('expiring stock', () => {
  it('sums expiring stock per ten seconds, for one product or all, without pinned stock', async () => {
    const [apple, pear] = [await world.product({ onHand: 100 }), await world.product({ onHand: 100 })];
    await world.reserve([{ sku: apple, quantity: 3 }], { ttlSeconds: 5 });
    await world.reserve([{ sku: apple, quantity: 4 }], { ttlSeconds: 45 });
    await world.reserve([{ sku: apple, quantity: 5 }], { ttlSeconds: 595 });
    await world.reserve([{ sku: apple, quantity: 6 }], { ttlSeconds: 700 });
    await world.reserve([{ sku: pear, quantity: 7 }], { ttlSeconds: 45 });
    await (await Checkout.start(world)).driveWhile({ authorize: 'question lost' });

    const one = await expiringStockOf(world.db, apple);
    expect(one.units).toHaveLength(60);
    expect([one.units[0], one.units[4], one.units[59]]).toEqual([3, 4, 5]);
    expect(one).toMatchObject({
      sku: apple,
      withinMinute: 7,
      active: { units: 18, reservations: 4 },
      pinned: { units: 0, reservations: 0 },
    });
    const all = await expiringStockOf(world.db, null);
    expect(all.units[4]).toBe(11);
    expect(all).toMatchObject({ active: { units: 25 }, pinned: { units: 1, reservations: 1 } });
    expect((await expiringStockOf(world.db, 'NOBODY')).units).toEqual(new Array(60).fill(0));
  });
});

describe('the movements of a product', () => {
  it('are listed newest first, each once over all pages', async () => {
    const sku = await world.product({ onHand: 10 });
    for (const delta of [5, -3, 2])
      await world.products.adjust(sku, { delta, reason: `by ${delta}` }, undefined, operator);
    const seen: string[] = [];
    for (let cursor: string | null = null; ;) {
      const page: Awaited<ReturnType<typeof world.products.movements>> = await world.products.movements(sku, {
        limit: '1',
        ...(cursor && { cursor }),
      });
      seen.push(...page.data.map(({ reason, onHandAfter }) => `${reason}: ${onHandAfter}`));
      cursor = page.nextCursor;
      if (!page.hasMore) break;
    }
    expect(seen).toEqual(['by 2: 14', 'by -3: 12', 'by 5: 15', 'initial stock: 10']);
  });
});

describe('an edit of a product', () => {
  const body = { name: 'Parka', unitPrice: { amount: 12_900, currency: 'EUR' } };

  it('gets the current product, its own edit, and the other editor when it is based on an old version', async () => {
    const sku = await world.product({ amount: 1_000 });
    const faster = { name: 'ben.stock', role: 'admin' } as const;
    await world.products.put(sku, { ...body, quantityPerOrderMax: 2 }, { ifMatch: '"1"' }, faster);

    const late = world.products.put(
      sku,
      { ...body, name: 'Parka, ochre' },
      { ifMatch: '"1.17.0.0"' },
      operator,
    );
    await expect(late).rejects.toMatchObject({ code: 'precondition_failed', status: 412 });
    const error = await late.catch((thrown: HoldfastError) => thrown.facts);
    expect(error).toMatchObject({
      currentEtag: '"2"',
      changedBy: 'ben.stock',
      changedSecondsAgo: expect.any(Number),
      now: { name: 'Parka', quantityPerOrderMax: 2, version: 2, stock: { onHand: 10 } },
      yours: { name: 'Parka, ochre', unitPrice: { amount: 12_900 }, quantityPerOrderMax: null, pools: null },
    });
    await world.products.put(sku, { ...body, name: 'Parka, ochre' }, { ifMatch: '"2"' }, operator);
  });

  it('is in the audit log with its reason and the same fields before and after', async () => {
    const sku = await world.product({ amount: 1_000 });
    await world.products.put(sku, { ...body, reason: 'new season' }, { ifMatch: '*' }, operator);
    await world.products.adjust(sku, { delta: -4, reason: 'water damage' }, undefined, operator);
    const rows = await world.rows<{ action: string; reason: string; before: object; after: object }>(
      `SELECT action, reason, before, after FROM admin_actions WHERE object_id = $1 ORDER BY id`,
      [sku],
    );
    expect(rows).toMatchObject([
      { action: 'product.create', before: null, after: { name: sku, onHand: 10 } },
      {
        action: 'product.replace',
        reason: 'new season',
        before: { name: sku, unitPrice: { amount: 1_000, currency: 'EUR' } },
        after: { name: 'Parka', unitPrice: { amount: 12_900, currency: 'EUR' } },
      },
      { action: 'stock.adjust', reason: 'water damage', before: { onHand: 10 }, after: { onHand: 6 } },
    ]);
    expect(Object.keys(rows[1]!.before)).toEqual(Object.keys(rows[1]!.after));
  });
});
