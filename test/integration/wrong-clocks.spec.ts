import { newId, publicId } from '../../src/ids';
import { listActions } from '../../src/audit-log/audit-log.repository';
import { countsBetween } from '../../src/reporting/overview/order-rates';
import { hearClock } from '../../src/clock';
import { clockOf } from '../../src/database/database';
import { listAllOrders } from '../../src/reporting/lists/order-list';
import { EventFeed } from '../../src/outbox/event-feed';
import { createWorld, expectInvariants, operator, until, type World } from '../support/fixtures';

/**
 * Ids carry the time of a process's clock, rows have the database's time. Queries by period use the database's time,
 * even for rows of a process whose clock was an hour off and not yet corrected.
 */

const hourMs = 3_600_000;

let world: World;
beforeEach(async () => (world = await createWorld()));
afterEach(async () => {
  await clockOf(world.db);
  await expectInvariants(world);
  await world.close();
});

/** This process's clock until it hears the database's time again. */
async function beOffBy(ms: number): Promise<void> {
  hearClock(new Date((await clockOf(world.db)).getTime() + ms));
}

/** Writes of other tests, in other databases of the server, may hold the feed back. */
async function expectInFeed(aggregateIds: string[]): Promise<void> {
  const feed = new EventFeed(world.db);
  const read = () => feed.read(null, { limit: 10, after: null });
  await until(async () => (await read()).length === aggregateIds.length);
  expect((await read()).map(({ aggregateId }) => aggregateId)).toEqual(aggregateIds);
}

const anyOrder = {
  ...{ statuses: null, sagaStatuses: null, steps: null, customerId: null },
  paymentUnknown: false,
};

/** Minutes around now, by the database's clock. */
async function around(from: number, to: number): Promise<{ from: Date; to: Date }> {
  const now = (await clockOf(world.db)).getTime();
  return { from: new Date(now + from * 60_000), to: new Date(now + to * 60_000) };
}

describe.each([
  ['an hour behind', -hourMs],
  ['right', 0],
  ['an hour ahead', hourMs],
])('rows of a process whose clock is %s', (_, ms) => {
  it('are found only in the period of their database time, page by page', async () => {
    const sku = await world.product({ onHand: 50 });
    const before = await world.order([{ sku, quantity: 1 }]);
    await beOffBy(ms);
    const made = [await world.order([{ sku, quantity: 1 }]), await world.order([{ sku, quantity: 1 }])];
    const reservation = await world.reserve([{ sku, quantity: 1 }]);
    await world.reservations.forceRelease(reservation, { reason: 'customer called' }, operator);
    const all = [before, ...made].sort().reverse();
    const [recent, earlier, later] = [await around(-5, 5), await around(-90, -30), await around(30, 90)];

    for (const more of [{}, { customerId: 'cus_1' }, { statuses: ['pending' as const] }]) {
      const ask = async (period: object, limit = 100, last: string | null = null) =>
        (
          await listAllOrders(
            world.db,
            { ...anyOrder, ...recent, ...more, ...period },
            { limit, before: last },
          )
        ).map(({ id }) => id);
      expect(await ask({})).toEqual(all);
      expect(await ask({ from: null, to: null })).toEqual(all);
      expect(await ask(earlier)).toEqual([]);
      expect(await ask(later)).toEqual([]);
      expect((await ask({}, 1)).slice(0, 1)).toEqual(all.slice(0, 1));
      expect((await ask({}, 1, all[0])).slice(0, 1)).toEqual(all.slice(1, 2));
      expect((await ask({}, 1, all[1])).slice(0, 1)).toEqual(all.slice(2, 3));
    }

    for (const more of [{}, { actor: 'operator' }, { objectId: publicId('rsv', reservation) }]) {
      const ask = async (period: object) =>
        (await listActions(world.db, { ...recent, ...more, ...period }, 100, null)).map(
          ({ action }) => action,
        );
      expect(await ask({})).toContain('reservation.release');
      expect(await ask(earlier)).toEqual([]);
      expect(await ask(later)).toEqual([]);
    }
  });

  it('are in the event feed from its beginning', async () => {
    const sku = await world.product({ onHand: 50 });
    await beOffBy(ms);
    const first = await world.reserve([{ sku, quantity: 1 }]);
    await world.rows(`UPDATE outbox SET created_at = created_at - interval '30 minutes'`);
    await clockOf(world.db);
    const second = await world.reserve([{ sku, quantity: 1 }]);

    await expectInFeed([first, second]);
  });

  it('are in the event feed after those of the right time', async () => {
    const sku = await world.product({ onHand: 50 });
    const first = await world.reserve([{ sku, quantity: 1 }]);
    // Half an hour old by its time and id, which sorts after an id that a clock an hour behind makes now.
    await world.rows(`UPDATE outbox SET created_at = created_at - interval '30 minutes', id = $1::uuid`, [
      newId((await clockOf(world.db)).getTime() - hourMs / 2),
    ]);
    await beOffBy(ms);
    const second = await world.reserve([{ sku, quantity: 1 }]);

    await expectInFeed([first, second]);
  });
});

describe('rows of two processes, one nine minutes behind and one nine ahead', () => {
  it('are in the event feed from its beginning', async () => {
    const sku = await world.product({ onHand: 50 });
    const minuteMs = 60_000;
    const first = await world.reserve([{ sku, quantity: 1 }]);
    await world.rows(`UPDATE outbox SET created_at = created_at - interval '17 minutes', id = $1::uuid`, [
      newId((await clockOf(world.db)).getTime() + (9 - 17) * minuteMs),
    ]);
    await beOffBy(-9 * minuteMs);
    const second = await world.reserve([{ sku, quantity: 1 }]);

    await expectInFeed([first, second]);
  });
});

describe('a process with a wrong clock', () => {
  it.each([-hourMs, hourMs])(
    'makes ids of the right time once it has heard the database’s time (%d ms off)',
    async (ms) => {
      const skewed = jest
        .spyOn(Date, 'now')
        .mockImplementation(() => performance.timeOrigin + performance.now() + ms);
      try {
        const now = await clockOf(world.db);
        expect(Math.abs(parseInt(newId().replaceAll('-', '').slice(0, 12), 16) - now.getTime())).toBeLessThan(
          5_000,
        );

        const sku = await world.product();
        await world.order([{ sku, quantity: 1 }]);
        const second = Math.floor(now.getTime() / 1_000);
        const counts = [...(await countsBetween(world.db, second - 30, second + 60)).values()];
        expect(counts.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(1);
      } finally {
        skewed.mockRestore();
      }
    },
  );
});
