import { type FeedKey, readFeed } from '../../src/outbox/event-feed.repository';
import { createWorld, expectInvariants, inParallel, shop, type World } from '../support/fixtures';

/** The event feed has every event once, in order per aggregate, during concurrent writes. */

let world: World;
beforeEach(async () => (world = await createWorld()));
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

async function readOn(after: FeedKey | null, limit = 3) {
  const seen = [];
  for (;;) {
    const page = await readFeed(world.db, null, { limit, after });
    seen.push(...page.slice(0, limit));
    after = page.at(limit - 1) ?? page.at(-1) ?? after;
    if (page.length <= limit) return { seen, after };
  }
}

describe('the event feed', () => {
  it('has every event once, in sequence per aggregate, while others are written', async () => {
    const sku = await world.product({ onHand: 100 });
    const seen: { id: string; aggregateId: string; sequence: number }[] = [];
    let after: FeedKey | null = null;
    const buyers = inParallel(
      4,
      Array.from({ length: 30 }, () => async () => {
        const id = await world.reserve([{ sku, quantity: 1 }]);
        await world.reservations.extend(id, 700, shop);
        await world.reservations.release(id, shop);
      }),
    );
    let isOver = false;
    void buyers.then(() => (isOver = true));
    for (let last = false; ; last = isOver) {
      const read = await readOn(after);
      seen.push(...read.seen);
      after = read.after;
      if (last) break;
    }
    const written = await world.rows<{ id: string }>(`SELECT id FROM outbox`);
    expect(written).toHaveLength(90);
    expect(seen.map(({ id }) => id).sort()).toEqual(written.map(({ id }) => id).sort());
    const last = new Map<string, number>();
    for (const { aggregateId, sequence } of seen) {
      expect(sequence).toBeGreaterThan(last.get(aggregateId) ?? 0);
      last.set(aggregateId, sequence);
    }
  });

  it('waits for open transactions that may commit older events, but not for readers', async () => {
    const sku = await world.product();
    const slow = await world.session();
    await slow.query('BEGIN');
    // It has written something, possibly an event.
    await slow.query('SELECT pg_current_xact_id()');
    const reader = await world.session();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await reader.query('SELECT id FROM outbox');
    await world.reserve([{ sku, quantity: 1 }]);
    expect(await readFeed(world.db, null, { limit: 9, after: null })).toEqual([]);
    await slow.query('COMMIT');
    const events = await readFeed(world.db, null, { limit: 9, after: null });
    expect(events.map(({ type }) => type)).toEqual(['reservation.created']);
    await reader.query('COMMIT');
  });

  it('skips a long time without events, and can be read for one aggregate', async () => {
    const sku = await world.product();
    const old = await world.reserve([{ sku, quantity: 1 }]);
    await world.rows(`UPDATE outbox SET created_at = created_at - interval '200 days'`);
    await world.reservations.release(old, shop);
    const { seen } = await readOn(null, 1);
    expect(seen.map(({ type }) => type)).toEqual(['reservation.created', 'reservation.released']);
    const own = await readFeed(world.db, old, { limit: 9, after: null });
    expect(own.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });
});
