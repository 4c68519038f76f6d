import { newId } from '../../src/ids';
import { createWorld, expectInvariants, QueueStub, shop, type World } from '../support/fixtures';
import { inEveryOrder } from '../support/interleave';
import { countRows, line, rowsSince } from '../support/intakes';

/** Each scene runs in every order of its sessions' statements; see `test/support/interleave.ts`. */

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(async () => {
  // No worker drives these orders, and on a busy machine a hundred runs take longer than a saga may wait.
  await world.rows(`UPDATE sagas SET next_run_at = $1 WHERE next_run_at IS NOT NULL`, [new Date()]);
  await expectInvariants(world);
});
afterAll(() => world.close());

const statusOf = async (id: string) =>
  (await world.row<{ status: string }>(`SELECT status FROM reservations WHERE id = $1`, [id])).status;

const endMessagesOf = async (id: string) =>
  (
    await world.row<{ messages: number }>(
      `SELECT count(*)::int AS messages FROM outbox WHERE aggregate_id = $1
          AND type IN ('reservation.confirmed', 'reservation.released', 'reservation.expired')`,
      [id],
    )
  ).messages;

describe('the explorer of interleavings', () => {
  it('finds the orders in which two sessions that read and then write lose an update', async () => {
    await world.rows(`CREATE TABLE counters (id int PRIMARY KEY, count int NOT NULL)`);
    await world.rows(`INSERT INTO counters VALUES (1, 0)`);
    const increment = (own: World) =>
      own.db.transaction('command', async (tx) => {
        const [row] = await tx.rows<{ count: number }>(`SELECT count FROM counters`);
        await tx.affected(`UPDATE counters SET count = $1`, [row!.count + 1]);
      });
    const ends = await inEveryOrder(world, async () => {
      await world.rows(`UPDATE counters SET count = 0`);
      return {
        sessions: { one: increment, other: increment },
        end: async () => String((await world.row<{ count: number }>(`SELECT count FROM counters`)).count),
      };
    });
    expect(ends).toEqual({ 1: 12, 2: 2 });
  });
});

describe('a reservation at its expiry', () => {
  /** The clock, the sweeper and a client act on one reservation. It ends once, with one message. */
  const racedBy = (action: 'confirm' | 'release', sku: string) => async () => {
    const before = (await world.level(sku)).reserved;
    const id = await world.reserve([line(sku)]);
    return {
      stopsAt: /reservations|stock_levels/,
      sessions: {
        time: (own: World) => own.makeDue(id),
        sweep: (own: World) => own.reservations.expireDue(),
        client: (own: World) => own.reservations[action](id, shop),
      },
      end: async (answers: Record<string, string>) => {
        await world.reservations.expireDue();
        const { status, tooLate } = await world.row<{ status: string; tooLate: boolean }>(
          `SELECT status, status <> 'expired' AND ended_at > expires_at AS "tooLate" FROM reservations WHERE id = $1`,
          [id],
        );
        expect([await endMessagesOf(id), tooLate]).toEqual([1, false]);
        expect((await world.level(sku)).reserved - before).toBe(status === 'confirmed' ? 1 : 0);
        return `${answers.client}: ${status}`;
      },
    };
  };

  it.each([
    [
      'is either confirmed or expired, never both',
      'confirm',
      ['ok: confirmed', 'reservation_expired: expired'],
    ],
    ['returns its stock once when it is released at that moment', 'release', ['ok: expired', 'ok: released']],
  ] as const)('%s, in every order', async (_, action, allowed) => {
    const sku = await world.product({ onHand: 200 });
    const neighbour = await world.reserve([line(sku)]);
    const ends = await inEveryOrder(world, racedBy(action, sku));
    expect(Object.keys(ends).sort()).toEqual(allowed);
    expect(await statusOf(neighbour)).toBe('active');
  });
});

describe('two due reservations', () => {
  it('each end once when two sweepers find them, in every order', async () => {
    const [a, b] = await world.productsOf(2, { onHand: 200 });
    const neighbour = await world.reserve([line(a!), line(b!)]);
    const ends = await inEveryOrder(world, async () => {
      const ids = [await world.reserve([line(a!), line(b!)]), await world.reserve([line(b!)])];
      for (const id of ids) await world.makeDue(id);
      return {
        stopsAt: /reservations|stock_levels/,
        sessions: {
          one: (own) => own.reservations.expireDue(),
          other: (own) => own.reservations.expireDue(),
        },
        end: async ({ one, other }) => {
          expect(await Promise.all(ids.map(endMessagesOf))).toEqual([1, 1]);
          expect([await world.level(a!), await world.level(b!)]).toMatchObject([
            { reserved: 1 },
            { reserved: 1 },
          ]);
          return `${one} and ${other}`;
        },
      };
    });
    expect(Object.keys(ends)).toEqual(['ok and ok']);
    expect(await statusOf(neighbour)).toBe('active');
  });
});

describe('two requests with one idempotency key', () => {
  it.each([
    ['make one order', { quantity: 1, onHand: 5 }, ['ok and ok, 1 order']],
    [
      'make one order and one refusal when their bodies differ',
      { quantity: 2, onHand: 5 },
      ['idempotency_key_reused and ok, 1 order', 'ok and idempotency_key_reused, 1 order'],
    ],
  ])('%s, in every order', async (_, { quantity, onHand }, allowed) => {
    const ends = await inEveryOrder(world, async () => {
      const sku = await world.product({ onHand });
      const before = await countRows(world);
      const key = newId();
      const ask = (wanted: number) => (own: World) =>
        own.intake.accept(
          world.checkout([line(sku, wanted)], { claim: world.claim('orders', key, { wanted }) }),
        );
      return {
        sessions: { one: ask(1), other: ask(quantity) },
        end: async ({ one, other }) => {
          const { orders = 0, idempotency_keys: keys = 0 } = await rowsSince(world, before);
          expect(keys).toBe(orders);
          return `${one} and ${other}, ${orders} order`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual(allowed);
  });
});

describe('reservations of several lines', () => {
  it('get the units that a sweep returns at the same time, in every order', async () => {
    const ends = await inEveryOrder(world, async () => {
      const [a, b] = await world.productsOf(2, { onHand: 1 });
      const due = await world.reserve([line(a!), line(b!)]);
      await world.makeDue(due);
      return {
        stopsAt: /FROM reservations|stock_levels/,
        sessions: {
          sweep: (own) => own.reservations.expireDue(),
          buyer: (own) => own.reserve([line(b!), line(a!)]),
        },
        end: async ({ buyer }) => {
          expect([await statusOf(due), await endMessagesOf(due)]).toEqual(['expired', 1]);
          expect([await world.level(a!), await world.level(b!)]).toEqual([
            { onHand: 1, reserved: 1 },
            { onHand: 1, reserved: 1 },
          ]);
          return buyer!;
        },
      };
    });
    expect(Object.keys(ends)).toEqual(['ok']);
  });

  it('with lines in opposite orders do not deadlock, in every order', async () => {
    const ends = await inEveryOrder(world, async () => {
      const [a, b] = await world.productsOf(2, { onHand: 1 });
      return {
        stopsAt: /stock_levels/,
        sessions: {
          one: (own) => own.reserve([line(a!), line(b!)]),
          other: (own) => own.reserve([line(b!), line(a!)]),
        },
        end: async ({ one, other }) => {
          expect([await world.level(a!), await world.level(b!)]).toMatchObject([
            { reserved: 1 },
            { reserved: 1 },
          ]);
          return `${one} and ${other}`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual(['insufficient_stock and ok', 'ok and insufficient_stock']);
    expect(await world.deadlocks()).toBe(0);
  });
});

describe('messages that are committed during a relay’s claim', () => {
  const drain = async (queues: QueueStub) => {
    while ((await world.relay(queues).runOnce()) > 0);
  };

  /** What relays took up of these aggregates, in its order. */
  const taken = (ids: string[]) =>
    world.rows<{ id: string; type: string; times: number }>(
      `SELECT aggregate_id AS id, type, relay_epoch AS times
         FROM outbox WHERE aggregate_id = ANY ($1::uuid[]) AND relayed_at IS NOT NULL ORDER BY relayed_at, aggregate_id`,
      [ids],
    );

  /** Unapplied messages of earlier scenes would be resent in the middle of this one. */
  const silenceOthers = () =>
    world.rows(`UPDATE outbox SET next_relay_at = 'infinity' WHERE applied_at IS NULL`);

  it('are never skipped, in every order', async () => {
    const ends = await inEveryOrder(world, async () => {
      await silenceOthers();
      const sku = await world.product();
      const [late, early] = [await world.reserve([line(sku)]), await world.reserve([line(sku)])];
      await drain(new QueueStub());
      const queues = new QueueStub();
      return {
        stopsAt: /outbox/,
        sessions: {
          late: (own) => own.reservations.extend(late, 900, shop),
          early: (own) => own.reservations.extend(early, 900, shop),
          relay: (own) => own.relay(queues).runOnce(),
        },
        end: async () => {
          const extended = async () =>
            (await taken([late, early])).filter(({ type }) => type === 'reservation.extended');
          const atOnce = (await extended()).length;
          await drain(queues);
          expect((await extended()).map(({ id }) => id).sort()).toEqual([late, early].sort());
          return `${atOnce} of 2 at once`;
        },
      };
    });
    expect(Object.keys(ends).sort()).toEqual(['0 of 2 at once', '1 of 2 at once', '2 of 2 at once']);
  });

  it('are sent once and in order per aggregate by two relays, in every order', async () => {
    await inEveryOrder(world, async () => {
      await silenceOthers();
      const id = await world.reserve([line(await world.product())]);
      const queues = new QueueStub();
      return {
        stopsAt: /FROM outbox|UPDATE outbox/,
        sessions: {
          one: (own) => own.relay(queues).runOnce(),
          other: (own) => own.relay(queues).runOnce(),
          client: (own) => own.reservations.extend(id, 900, shop),
        },
        end: async () => {
          const atOnce = (await taken([id])).length;
          await drain(queues);
          expect((await taken([id])).map(({ type, times }) => [type, times])).toEqual([
            ['reservation.created', 1],
            ['reservation.extended', 1],
          ]);
          return `${atOnce} of 2 at once`;
        },
      };
    });
  });
});
