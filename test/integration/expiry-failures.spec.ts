import { outcomeOf, createWorld, expectInvariants, type World } from '../support/fixtures';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const due = `UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second' WHERE status = 'active'`;

async function statuses(ids: string[]): Promise<string[]> {
  const rows = await world.rows<{ id: string; status: string }>(`SELECT id, status FROM reservations`);
  return ids.map((id) => rows.find((row) => row.id === id)!.status);
}

describe('expiring reservations', () => {
  it('ends the reservations of every other SKU when the stock of one cannot be returned', async () => {
    const bad = await world.product({ onHand: 100 });
    const good = await world.product({ onHand: 100 });
    const reserve = async (lines: { sku: string; quantity: number }[], times: number) => {
      const ids: string[] = [];
      for (let nth = 0; nth < times; nth++) ids.push(await world.reserve(lines));
      return ids;
    };
    const failing = [
      ...(await reserve([{ sku: bad, quantity: 1 }], 3)),
      ...(await reserve(
        [
          { sku: bad, quantity: 1 },
          { sku: good, quantity: 1 },
        ],
        2,
      )),
    ];
    const ending = await reserve([{ sku: good, quantity: 1 }], 20);
    await world.rows(due);
    await world.rows(`UPDATE stock_levels SET reserved = 0 WHERE sku = $1`, [bad]);

    await expect(world.reservations.expireDue()).rejects.toThrow(/^reservation rsv_\w+ could not expire: /);
    expect(new Set(await statuses(ending))).toEqual(new Set(['expired']));
    expect(new Set(await statuses(failing))).toEqual(new Set(['active']));

    await world.rows(`UPDATE stock_levels SET reserved = 5 WHERE sku = $1`, [bad]);
    expect(await world.reservations.expireDue()).toBe(failing.length);
  });

  it('ends the reservations of a short SKU although one cannot return its stock', async () => {
    const bad = await world.product({ onHand: 10 });
    const good = await world.product({ onHand: 5 });
    const one = (sku: string) => ({ sku, quantity: 1 });
    const failing = await world.reserve([one(bad), one(good)]);
    const ending = await world.reserve([{ sku: good, quantity: 4 }]);
    await world.rows(due);
    await world.rows(`UPDATE stock_levels SET reserved = 0 WHERE sku = $1`, [bad]);

    const bought = await world.reserve([{ sku: good, quantity: 4 }]);
    expect(await statuses([failing, ending, bought])).toEqual(['active', 'expired', 'active']);
    expect(await outcomeOf(world.reserve([one(good)]))).toBe('insufficient_stock');

    await world.rows(`UPDATE stock_levels SET reserved = 1 WHERE sku = $1`, [bad]);
    expect(await world.reservations.expireDue()).toBe(1);
  });
});
