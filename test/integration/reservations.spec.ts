import { ValidationFailed } from '../../src/errors';
import { InsufficientStock } from '../../src/inventory/inventory.errors';
import { reservationView } from '../../src/inventory/reservations/reservations.responses';
import { newId } from '../../src/ids';
import { pin } from '../support/order-reservation';
import { strategyNames } from '../../src/inventory/allocation/strategies/strategies';
import {
  outcomeOf,
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  operator,
  shop,
  type World,
} from '../support/fixtures';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

type State = 'active' | 'due' | 'pinned' | 'confirmed' | 'released' | 'expired';
type Action = 'extend' | 'confirm' | 'release' | 'force-release' | 'expire';

/** A reservation of two units in this state; `due` is active in its row and past its expiry. */
async function reservationThatIs(state: State, sku: string): Promise<string> {
  if (state === 'pinned') {
    const orderId = await world.order([{ sku, quantity: 2 }]);
    const { id } = await world.row<{ id: string }>(`SELECT reservation_id AS id FROM orders WHERE id = $1`, [
      orderId,
    ]);
    await world.db.transaction('command', (tx) => pin(tx, id, orderId));
    return id;
  }
  const id = await world.reserve([{ sku, quantity: 2 }]);
  if (state === 'due' || state === 'expired') await world.makeDue(id);
  if (state === 'confirmed') await world.reservations.confirm(id, shop);
  if (state === 'released') await world.reservations.release(id, shop);
  if (state === 'expired') await world.reservations.expireDue();
  return id;
}

const actions: Record<Action, (id: string) => Promise<unknown>> = {
  extend: (id) => world.reservations.extend(id, 900, shop),
  confirm: (id) => world.reservations.confirm(id, shop),
  release: (id) => world.reservations.release(id, shop),
  'force-release': (id) => world.reservations.forceRelease(id, { reason: 'customer called' }, operator),
  expire: () => world.reservations.expireDue(),
};

// prettier-ignore
const lifecycle: [State, Action, string, string][] = [
  //  from         action           becomes      answer
  ['active',    'extend',        'active',    'ok'],
  ['active',    'confirm',       'confirmed', 'ok'],
  ['active',    'release',       'released',  'ok'],
  ['active',    'force-release', 'released',  'ok'],
  ['active',    'expire',        'active',    'ok'],
  ['due',       'extend',        'active',    'reservation_expired'],
  ['due',       'confirm',       'active',    'reservation_expired'],
  ['due',       'release',       'active',    'ok'],
  ['due',       'force-release', 'active',    'ok'],
  ['due',       'expire',        'expired',   'ok'],
  ['pinned',    'extend',        'pinned',    'reservation_pinned'],
  ['pinned',    'confirm',       'pinned',    'reservation_pinned'],
  ['pinned',    'release',       'pinned',    'reservation_pinned'],
  ['pinned',    'force-release', 'pinned',    'reservation_pinned'],
  ['pinned',    'expire',        'pinned',    'ok'],
  ['confirmed', 'extend',        'confirmed', 'reservation_already_confirmed'],
  ['confirmed', 'confirm',       'confirmed', 'ok'],
  ['confirmed', 'release',       'confirmed', 'reservation_already_confirmed'],
  ['confirmed', 'force-release', 'confirmed', 'reservation_already_confirmed'],
  ['confirmed', 'expire',        'confirmed', 'ok'],
  ['released',  'extend',        'released',  'reservation_already_released'],
  ['released',  'confirm',       'released',  'reservation_already_released'],
  ['released',  'release',       'released',  'ok'],
  ['released',  'force-release', 'released',  'ok'],
  ['released',  'expire',        'released',  'ok'],
  ['expired',   'extend',        'expired',   'reservation_expired'],
  ['expired',   'confirm',       'expired',   'reservation_expired'],
  ['expired',   'release',       'expired',   'ok'],
  ['expired',   'force-release', 'expired',   'ok'],
  ['expired',   'expire',        'expired',   'ok'],
];

describe('a reservation:', () => {
  it.each(lifecycle)('%s + %s → %s (%s)', async (from, action, becomes, answer) => {
    const sku = await world.product({ onHand: 10 });
    const neighbour = await world.reserve([{ sku, quantity: 3 }]);
    const id = await reservationThatIs(from, sku);

    expect(await outcomeOf(actions[action](id))).toBe(answer);

    const { status } = await world.row<{ status: string }>(`SELECT status FROM reservations WHERE id = $1`, [
      id,
    ]);
    expect(status).toBe(becomes);
    expect((await world.reservation(neighbour)).status).toBe('active');
    const held = becomes === 'released' || becomes === 'expired' ? 0 : 2;
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 3 + held });
  });

  it('an active one is not pinned for another order', async () => {
    const id = await world.reserve([{ sku: await world.product(), quantity: 1 }]);
    await expect(world.db.transaction('command', (tx) => pin(tx, id, id))).rejects.toThrow(
      /lost its reservation/,
    );
  });

  it.each(['due', 'expired'] as const)('a %s one is not pinned for a charge', async (state) => {
    const orderId = await world.order();
    const { id } = await world.row<{ id: string }>(`SELECT reservation_id AS id FROM orders WHERE id = $1`, [
      orderId,
    ]);
    await world.makeDue(id);
    if (state === 'expired') await world.reservations.expireDue();

    expect(await world.db.transaction('command', (tx) => pin(tx, id, orderId))).toBe('expired');
  });
});

describe('a new reservation', () => {
  const made: string[] = [];
  // Nothing sweeps here, and the audit of later tests reports what is long past its end.
  afterEach(async () => {
    for (const id of made.splice(0)) await world.makeDue(id);
    await world.reservations.expireDue();
  });

  it.each(
    strategyNames.flatMap((strategy) => [1, 3_600].map((ttlSeconds) => [strategy, ttlSeconds] as const)),
  )(
    'is returned as a read of it would be, without that read (%s, %i s), unless its units have numbers',
    async (strategy, ttlSeconds) => {
      const [first, second] = await world.productsOf(2, { strategy, onHand: 20 });
      const lines = [
        { sku: second!, quantity: 2 },
        { sku: first!, quantity: 1 },
        { sku: second!, quantity: 3 },
      ];
      const request = { ...world.reservationRequest(lines, { ttlSeconds }), metadata: { b: '2', a: '1' } };
      const claim = { ...world.claim('reservations'), resourceId: request.id };
      const { reservation } = await world.reservations.create(request, claim);
      made.push(request.id);

      if (strategy === 'unit-tokens') return expect(reservation).toBeUndefined();
      const read = await world.reservation(request.id);
      const now = read.createdAt;
      expect(reservationView({ ...reservation!, now })).toEqual(reservationView({ ...read, now }));
      expect(reservation).toMatchObject({ version: read.version, principal: read.principal });
    },
  );

  it('is not returned as written by a repeat under its key', async () => {
    const request = world.reservationRequest([{ sku: await world.product(), quantity: 1 }]);
    const claim = { ...world.claim('reservations'), resourceId: request.id };
    await world.reservations.create(request, claim);
    const again = await world.reservations.create(
      { ...request, id: newId() },
      { ...claim, resourceId: newId() },
    );
    expect(again).toEqual({ id: request.id, replayed: true });
  });
});

describe('extending a reservation', () => {
  it('moves the end to ttlSeconds from now', async () => {
    const id = await world.reserve([{ sku: await world.product(), quantity: 1 }], { ttlSeconds: 10 });
    await world.reservations.extend(id, 300, shop);

    const { expiresAt, now, extensionsUsed } = await world.reservation(id);
    expect(Math.round((expiresAt.getTime() - now.getTime()) / 1_000)).toBe(300);
    expect(extensionsUsed).toBe(1);
  });

  it('changes nothing and writes no message when the end would not move later', async () => {
    const id = await world.reserve([{ sku: await world.product(), quantity: 1 }], { ttlSeconds: 600 });
    const { now: _, ...before } = await world.reservation(id);
    await world.reservations.extend(id, 5, shop);

    expect(await world.reservation(id)).toMatchObject({ ...before, extensionsUsed: 0 });
    expect(await world.rows(`SELECT type FROM outbox WHERE aggregate_id = $1`, [id])).toEqual([
      { type: 'reservation.created' },
    ]);
  });

  it('writes a message with the new end', async () => {
    const id = await world.reserve([{ sku: await world.product(), quantity: 1 }], { ttlSeconds: 10 });
    await world.reservations.extend(id, 300, shop);
    const { announced } = await world.row<{ announced: string }>(
      `SELECT payload ->> 'expiresAt' AS announced FROM outbox WHERE aggregate_id = $1 AND type = 'reservation.extended'`,
      [id],
    );
    expect(new Date(announced)).toEqual((await world.reservation(id)).expiresAt);
  });

  it('is refused beyond the longest lifetime', async () => {
    const id = await world.reserve([{ sku: await world.product(), quantity: 1 }], { ttlSeconds: 10 });
    await world.rows(
      `UPDATE reservations SET max_expires_at = expires_at + interval '1 minute' WHERE id = $1`,
      [id],
    );

    expect(await outcomeOf(world.reservations.extend(id, 600, shop))).toBe('reservation_lifetime_exceeded');
    expect(await outcomeOf(world.reservations.extend(id, 60, shop))).toBe('ok');
  });
});

describe('limits', () => {
  it.each(strategyNames)(
    'allow a customer the maximum number of reservations when more are requested at once (%s)',
    async (strategy) => {
      const sku = await world.product({ onHand: 50, strategy, reservationsPerCustomerMax: 2 });
      const ask = (customerId: string) => () => world.reserve([{ sku, quantity: 1 }], { customerId });
      const greedy = Array.from({ length: 10 }, () => ask('greedy'));

      const codes = codesOf(await inParallel(12, [...greedy, ask('modest')]));

      expect(codes.filter((code) => code === 'reservation_limit_reached')).toHaveLength(8);
      expect(codes.filter((code) => code === 'ok')).toHaveLength(3);
      expect(codes.at(-1)).toBe('ok');
      expect(await world.level(sku)).toEqual({ onHand: 50, reserved: 3 });
    },
  );

  it('let a customer reserve again when an earlier reservation has ended', async () => {
    const sku = await world.product({ reservationsPerCustomerMax: 1 });
    const first = await world.reserve([{ sku, quantity: 1 }]);
    expect(await outcomeOf(world.reserve([{ sku, quantity: 1 }]))).toBe('reservation_limit_reached');

    await world.reservations.release(first, shop);
    expect(await outcomeOf(world.reserve([{ sku, quantity: 1 }]))).toBe('ok');
  });

  // Availability never waits for the sweeper, and neither does a customer whose reservation is due.
  it('do not count a due reservation before the sweeper has ended it', async () => {
    const sku = await world.product({ reservationsPerCustomerMax: 1 });
    await world.makeDue(await world.reserve([{ sku, quantity: 1 }]));

    expect(await outcomeOf(world.reserve([{ sku, quantity: 1 }]))).toBe('ok');
    await world.reservations.expireDue();
  });

  it('apply to the sum of all lines of a SKU, with a pointer to the line that exceeds it', async () => {
    const [limited, other] = await world.productsOf(2);
    await world.rows(`UPDATE products SET quantity_per_order_max = 3 WHERE sku = $1`, [limited]);
    const line = (sku: string | undefined, quantity: number) => ({ sku: sku!, quantity });

    const error = await world
      .reserve([line(limited, 2), line(other, 9), line(limited, 2)])
      .catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(ValidationFailed);
    expect((error as ValidationFailed).errors).toEqual([
      { pointer: '/lines/2/quantity', code: 'quantity_over_limit', detail: expect.any(String) },
    ]);
    expect(await outcomeOf(world.reserve([line(limited, 2), line(limited, 1)]))).toBe('ok');
  });
});

describe('a buyer who is short', () => {
  it('gets the stock of due reservations without waiting for the sweeper', async () => {
    const [wanted, other] = await world.productsOf(2, { onHand: 1 });
    const gone = await world.reserve([{ sku: wanted!, quantity: 1 }]);
    const untouched = await world.reserve([{ sku: other!, quantity: 1 }]);
    await world.makeDue(gone);
    await world.makeDue(untouched);

    expect(await outcomeOf(world.reserve([{ sku: wanted!, quantity: 1 }]))).toBe('ok');

    const states = await world.rows<{ id: string; status: string }>(
      `SELECT id, status FROM reservations WHERE id = ANY ($1) ORDER BY id`,
      [[gone, untouched]],
    );
    expect(states).toEqual([
      { id: gone, status: 'expired' },
      { id: untouched, status: 'active' },
    ]);
    await world.reservations.expireDue();
  });

  it('is refused when even due reservations are not enough', async () => {
    const sku = await world.product({ onHand: 2 });
    await world.makeDue(await world.reserve([{ sku, quantity: 1 }]));
    await world.reserve([{ sku, quantity: 1 }]);

    expect(await outcomeOf(world.reserve([{ sku, quantity: 2 }]))).toBe('insufficient_stock');
    expect(await world.level(sku)).toEqual({ onHand: 2, reserved: 1 });
  });

  it('gets units together with many others as they are freed', async () => {
    const sku = await world.product({ onHand: 10 });
    const gone = await Promise.all(Array.from({ length: 10 }, () => world.reserve([{ sku, quantity: 1 }])));
    for (const id of gone) await world.makeDue(id);

    const codes = codesOf(
      await inParallel(
        10,
        gone.map(() => () => world.reserve([{ sku, quantity: 1 }])),
      ),
    );

    expect(codes).toEqual(gone.map(() => 'ok'));
    expect(await world.level(sku)).toEqual({ onHand: 10, reserved: 10 });
  });
});

describe('a refusal for short stock', () => {
  const short = (sku: string, available: number) => new InsufficientStock([{ sku, requested: 1, available }]);

  /** The result for a buyer whose tries end like this, one after the other, while no stock is available. */
  async function refusalAfter(...available: number[]): Promise<unknown> {
    const sku = await world.product({ onHand: 0 });
    const tries = available.map((units) => short(sku, units));
    const refused = world.stock.retryWhenShort(() => Promise.reject<string>(tries.shift()!));
    const error: unknown = await refused.catch((thrown: unknown) => thrown);
    expect(tries).toEqual([]);
    return error instanceof InsufficientStock ? error.shortfalls[0]!.available : outcomeOf(refused);
  }

  it('never reports the requested quantity as available: stock is read again when a unit is gone', async () => {
    expect(await refusalAfter(1, 0)).toBe(0);
  });

  it('becomes 503 when a unit was available and is gone at every try', async () => {
    expect(await refusalAfter(1, 1, 1)).toBe('unavailable');
  });
});

describe('expiry', () => {
  const many = 450;

  async function reserveMany(sku: string): Promise<void> {
    const requests = Array.from({ length: many }, () => world.reservationRequest([{ sku, quantity: 1 }]));
    await world.db.transaction('command', (tx) => world.reserver.grouped(tx, requests));
    await world.rows(
      `UPDATE reservations r SET expires_at = clock_timestamp() - interval '1 second'
         FROM reservation_lines l WHERE l.reservation_id = r.id AND l.sku = $1`,
      [sku],
    );
  }

  it('ends more than one batch in one pass', async () => {
    const sku = await world.product({ onHand: 1_000 });
    await reserveMany(sku);

    expect(await world.reservations.expireDue()).toBe(many);
    expect(await world.level(sku)).toEqual({ onHand: 1_000, reserved: 0 });
  });

  it('ends each reservation once when many sweepers run at once', async () => {
    const sku = await world.product({ onHand: 1_000 });
    await reserveMany(sku);

    const passes = await Promise.all([1, 2, 3, 4].map(() => world.reservations.expireDue()));

    const last = await world.reservations.expireDue();
    expect(passes.reduce((sum, ended) => sum + ended, last)).toBe(many);
    expect(await world.level(sku)).toEqual({ onHand: 1_000, reserved: 0 });
    const { messages } = await world.row<{ messages: number }>(
      `SELECT count(*)::int AS messages FROM outbox m JOIN reservation_lines l ON l.reservation_id = m.aggregate_id
        WHERE l.sku = $1 AND m.type = 'reservation.expired'`,
      [sku],
    );
    expect(messages).toBe(many);
  });
});
