import { findOutOfPlace, rebalanceAll } from '../../src/inventory/stock/transfers';
import { expiringStockOf } from '../../src/inventory/reservations/reservation-list.repository';
import { allUnits } from '../../src/reporting/overview/current-state';
import { createWorld, expectInvariants, operator, type World } from '../support/fixtures';
import { stockIn, switchTo } from '../support/stock-changes';

/** Several products with the maximum number of units: no sum may overflow a 32-bit integer. */
const onHandMax = 1_000_000_000;

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

describe('products with a billion units each', () => {
  it('are moved by the rebalancer after a switch from pools to one pool', async () => {
    const large = await stockIn(world, { a: onHandMax / 2, b: onHandMax / 2 });
    await switchTo(world, large, 'row-lock');
    const other = await stockIn(world, { a: 10, b: 0 });

    expect(await findOutOfPlace(world.db, 10)).toEqual([other]);
    expect(await rebalanceAll(world.db)).toBe(1);
    expect(await findOutOfPlace(world.db, 10)).toEqual([]);
  });

  it('can be counted and released in bulk when all of their units are reserved', async () => {
    const skus = [];
    for (let nth = 0; nth < 3; nth++) skus.push(await world.product({ onHand: onHandMax }));
    for (const one of skus) await world.reserve([{ sku: one, quantity: 100_000 }]);
    // A quantity above a buyer's limit: enough real buyers would take hours.
    await world.rows(`UPDATE reservation_lines SET quantity = $2 WHERE sku = ANY ($1)`, [skus, onHandMax]);
    await world.rows(`UPDATE stock_levels SET reserved = $2 WHERE sku = ANY ($1)`, [skus, onHandMax]);

    expect(await expiringStockOf(world.db, null)).toMatchObject({ active: { units: 3 * onHandMax } });
    expect((await expiringStockOf(world.db, null)).units.reduce((sum, units) => sum + units, 0)).toBe(
      3 * onHandMax,
    );
    expect(await allUnits(world.db)).toMatchObject({ active: 3 * onHandMax });
    const { id, units } = await world.releases.count({}, operator);
    expect(units).toBe(3 * onHandMax);
    await world.releases.begin(id, { reason: 'for the test', key: undefined }, operator);
    await world.releases.run(id);
    expect((await allUnits(world.db)).active).toBe(0);
  });
});
