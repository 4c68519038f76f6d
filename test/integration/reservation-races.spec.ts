import type { Tx } from '../../src/database/database';
import {
  expireDueRows,
  extendExpiry,
  lockReservation,
} from '../../src/inventory/reservations/reservations.repository';
import { giveBack } from '../../src/inventory/stock/stock-levels.repository';
import { appendMessages } from '../../src/outbox/outbox.repository';
import {
  outcomeOf,
  codesOf,
  createWorld,
  expectInvariants,
  inParallel,
  shop,
  until,
  untilBlocked,
  type World,
} from '../support/fixtures';
import { seeded } from '../support/seeded';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const actions = {
  confirm: (id: string) => world.reservations.confirm(id, shop),
  release: (id: string) => world.reservations.release(id, shop),
  extend: (id: string) => world.reservations.extend(id, 900, shop),
};
type Action = keyof typeof actions;

const statusOf = async (id: string) =>
  (await world.row<{ status: string }>(`SELECT status FROM reservations WHERE id = $1`, [id])).status;

const isPastItsEnd = async (id: string) =>
  (
    await world.row<{ past: boolean }>(
      `SELECT expires_at < clock_timestamp() AS past FROM reservations WHERE id = $1`,
      [id],
    )
  ).past;

async function endsSoon(id: string): Promise<void> {
  await world.rows(
    `UPDATE reservations SET expires_at = clock_timestamp() + interval '100 milliseconds' WHERE id = $1`,
    [id],
  );
}

/** Both arrive while another session locks the row, one after the other, so that the second waits for the first. */
async function queueUp(
  lock: { table: string; where: string; value: string },
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
) {
  const holder = await world.session();
  await holder.query('BEGIN');
  await holder.query(`SELECT FROM ${lock.table} WHERE ${lock.where} = $1 FOR UPDATE`, [lock.value]);
  const one = outcomeOf(first());
  await untilBlocked(world, 1);
  const other = outcomeOf(second());
  await untilBlocked(world, 2);
  await holder.query('COMMIT');
  await holder.end();
  return [await one, await other];
}

// prettier-ignore
const oneAfterTheOther: [Action, Action, string, string][] = [
  //  first     second     is answered                      ends as
  ['confirm', 'confirm', 'ok',                            'confirmed'],
  ['confirm', 'release', 'reservation_already_confirmed', 'confirmed'],
  ['confirm', 'extend',  'reservation_already_confirmed', 'confirmed'],
  ['release', 'confirm', 'reservation_already_released',  'released'],
  ['release', 'release', 'ok',                            'released'],
  ['release', 'extend',  'reservation_already_released',  'released'],
  ['extend',  'confirm', 'ok',                            'confirmed'],
  ['extend',  'release', 'ok',                            'released'],
  ['extend',  'extend',  'ok',                            'active'],
];

describe('a request that waits for a reservation’s row', () => {
  it('cannot confirm it if it expired during the wait', async () => {
    const sku = await world.product();
    const id = await world.reserve([{ sku, quantity: 1 }]);
    await endsSoon(id);
    const holder = await world.session();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM reservations WHERE id = $1 FOR UPDATE', [id]);

    const answer = outcomeOf(actions.confirm(id));
    await untilBlocked(world);
    await until(() => isPastItsEnd(id));
    await holder.query('COMMIT');

    expect(await answer).toBe('reservation_expired');
    expect(await world.reservations.expireDue()).toBe(1);
    expect(await world.level(sku)).toMatchObject({ reserved: 0 });
  });

  it.each(oneAfterTheOther)(
    'sees the change before it (%s, then %s → %s)',
    async (first, second, answer, becomes) => {
      const sku = await world.product();
      const id = await world.reserve([{ sku, quantity: 1 }]);

      const answers = await queueUp(
        { table: 'reservations', where: 'id', value: id },
        () => actions[first](id),
        () => actions[second](id),
      );

      expect(answers).toEqual(['ok', answer]);
      expect(await statusOf(id)).toBe(becomes);
      expect(await world.level(sku)).toMatchObject({ reserved: becomes === 'released' ? 0 : 1 });
    },
  );

  it.each<[Action, string]>([
    ['confirm', 'reservation_expired'],
    ['release', 'ok'],
    ['extend', 'reservation_expired'],
  ])('sees that the sweeper ended it (%s → %s)', async (action, answer) => {
    const sku = await world.product();
    const id = await world.reserve([{ sku, quantity: 1 }]);
    await world.makeDue(id);

    // The sweeper has the reservation and waits for the stock row; the other waits for the sweeper.
    const sweep = () => world.reservations.expireDue();
    const answers = await queueUp({ table: 'stock_levels', where: 'sku', value: sku }, sweep, () =>
      actions[action](id),
    );

    expect(answers).toEqual(['ok', answer]);
    expect(await statusOf(id)).toBe('expired');
    expect(await world.level(sku)).toMatchObject({ reserved: 0 });
  });

  it('gets the id of the order that was placed on it first', async () => {
    const id = await world.reserve([{ sku: await world.product(), quantity: 1 }]);
    const order = () => world.order([], { reservationId: id });

    const answers = await queueUp({ table: 'reservations', where: 'id', value: id }, order, order);

    expect(answers).toEqual(['ok', 'reservation_has_order']);
    const { orders } = await world.row<{ orders: number }>(
      `SELECT count(*)::int AS orders FROM orders WHERE reservation_id = $1`,
      [id],
    );
    expect(orders).toBe(1);
  });
});

describe('an uncommitted extension', () => {
  it('keeps its reservation from being swept although its old expiry passes before the commit', async () => {
    const sku = await world.product();
    const id = await world.reserve([{ sku, quantity: 1 }]);
    await endsSoon(id);

    await world.db.transaction('command', async (tx) => {
      const reservation = await lockReservation(tx, id);
      await extendExpiry(tx, reservation!, new Date(reservation!.now.getTime() + 60_000));
      await until(() => isPastItsEnd(id));
      expect(await world.reservations.expireDue()).toBe(0);
    });

    expect(await world.reservations.expireDue()).toBe(0);
    expect(await statusOf(id)).toBe('active');
    expect(await world.level(sku)).toMatchObject({ reserved: 1 });
  });
});

describe('a buyer who is short while the sweeper runs', () => {
  it('is not refused for units that are freed at that moment', async () => {
    const sku = await world.product({ onHand: 1 });
    await world.makeDue(await world.reserve([{ sku, quantity: 1 }]));

    const buyer = await world.db.transaction('command', async (tx) => {
      const ended = await expireDueRows(tx, 200);
      const answer = outcomeOf(world.reserve([{ sku, quantity: 1 }]));
      // The buyer has either decided or waits for this transaction.
      await Promise.race([answer, untilBlocked(world)]);
      await giveBack(
        tx,
        ended.map(({ id }) => id),
      );
      await announceExpired(tx, ended);
      return { answer };
    });

    expect(await buyer.answer).toBe('ok');
  });
});

async function announceExpired(
  tx: Tx,
  ended: { id: string; orderId: string | null; version: number }[],
): Promise<void> {
  await appendMessages(
    tx,
    ended.map(({ id, orderId, version }) => ({
      aggregateType: 'reservation',
      aggregateId: id,
      principal: 'shop',
      sequence: version,
      type: 'reservation.expired',
      payload: { orderId },
    })),
  );
}

describe('confirm, release and expiry of one reservation at the same moment', () => {
  it(
    'end it once, return its stock at most once, and all report how it ended',
    seeded(async (random) => {
      const count = 200;
      const sku = await world.product({ onHand: count });
      const ids: string[] = [];
      for (let nth = 0; nth < count; nth++) ids.push(await world.reserve([{ sku, quantity: 1 }]));

      const planned = new Set([
        'ok',
        'reservation_expired',
        'reservation_already_confirmed',
        'reservation_already_released',
      ]);
      const surprises = await inParallel(
        3,
        ids.map((id) => async () => {
          await world.rows(
            `UPDATE reservations SET expires_at = clock_timestamp() + $2::int * interval '1 microsecond' WHERE id = $1 AND status = 'active'`,
            [id, random.integer(-1_000, 6_000)],
          );
          const rivals = random.shuffled([
            () => actions.confirm(id),
            () => actions.release(id),
            () => world.reservations.expireDue(),
          ]);
          const codes = codesOf(await Promise.allSettled(rivals.map((rival) => rival())));
          return codes.filter((code) => !planned.has(code));
        }),
      );
      await world.reservations.expireDue();

      expect(
        surprises.flatMap((outcome) =>
          outcome.status === 'fulfilled' ? outcome.value : [String(outcome.reason)],
        ),
      ).toEqual([]);
      const ends = await world.rows<{ status: string; ends: number }>(
        `SELECT r.status, count(m.id)::int AS ends
           FROM reservations r LEFT JOIN outbox m ON m.aggregate_id = r.id AND m.type <> 'reservation.created'
          WHERE r.id = ANY ($1) GROUP BY r.id`,
        [ids],
      );
      expect(ends.filter((end) => end.ends !== 1 || end.status === 'active')).toEqual([]);
      const confirmed = ends.filter(({ status }) => status === 'confirmed').length;
      expect(await world.level(sku)).toEqual({ onHand: count, reserved: confirmed });
    }),
  );
});
