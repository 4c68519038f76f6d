import {
  outcomeOf,
  createWorld,
  expectInvariants,
  shop,
  untilBlocked,
  type World,
} from '../support/fixtures';

/** Ten connections, of which single requests may use two. */
let world: World;
beforeAll(async () => (world = await createWorld({ DATABASE_POOL_MAX: '10', INTAKE_WAIT_MS_MAX: '3000' })));
afterEach(() => expectInvariants(world));
afterEach(() => void jest.restoreAllMocks());
afterAll(() => world.close());

/** Many requests for a product whose stock row another session has locked, until `end` is called. */
async function crowdAtLockedStock(buyers: number) {
  const sku = await world.product({ onHand: buyers, strategy: 'row-lock' });
  const holder = await world.session();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM stock_levels WHERE sku = $1 FOR UPDATE', [sku]);
  const answers = Array.from({ length: buyers }, (_, nth) =>
    outcomeOf(world.reserve([{ sku, quantity: 1 }], { customerId: `cus_${nth}` })),
  );
  await untilBlocked(world, 2);
  const end = async () => {
    await holder.query('COMMIT');
    await holder.end();
    return Promise.all(answers);
  };
  return { sku, answers, end };
}

describe('while many requests wait at the admission limit', () => {
  it('reservations can be confirmed, extended and released, and due ones expire', async () => {
    const sku = await world.product();
    const line = { sku, quantity: 1 };
    const [confirmed, released, due] = [
      await world.reserve([line]),
      await world.reserve([line]),
      await world.reserve([line]),
    ];
    await world.makeDue(due);
    const { end } = await crowdAtLockedStock(40);

    await world.reservations.extend(confirmed, 900, shop);
    await world.reservations.confirm(confirmed, shop);
    await world.reservations.release(released, shop);
    await world.reservations.expireDue();
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 1 });

    expect(new Set(await end())).toEqual(new Set(['ok']));
  });

  it('an order of a grouped product is accepted', async () => {
    const sku = await world.product({ strategy: 'grouped' });
    const { end } = await crowdAtLockedStock(40);
    await world.order([{ sku, quantity: 1 }]);
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
    await end();
  });

  it('waiting requests share a transaction when their product has become grouped', async () => {
    const { sku, end } = await crowdAtLockedStock(40);
    const operator = await world.session();
    await operator.query(`UPDATE products SET strategy = 'grouped' WHERE sku = $1`, [sku]);
    await operator.end();
    // A switch takes effect within a second; here that second has passed.
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + 1_500);
    expect(new Set(await end())).toEqual(new Set(['ok']));
    const grouped = world.contention.figures(sku).find(({ strategy }) => strategy === 'grouped');
    expect(grouped!.batchSize).toBeGreaterThan(5);
  });

  it('requests that have waited too long get 503 and take nothing', async () => {
    const crowd = await crowdAtLockedStock(40);
    await Promise.any(crowd.answers.map(async (answer) => expect(await answer).toBe('unavailable')));
    const answers = await crowd.end();
    const taken = answers.filter((answer) => answer === 'ok').length;
    expect(answers.filter((answer) => answer === 'unavailable')).toHaveLength(40 - taken);
    expect(taken).toBeLessThan(40);
  });
});
