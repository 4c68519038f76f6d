import { Client } from 'pg';
import { loadConfig } from '../../src/config/config';
import { openDatabase } from '../../src/database/database';
import { newId } from '../../src/ids';
import { EventFeed } from '../../src/outbox/event-feed';
import type { FeedEvent, FeedKey } from '../../src/outbox/event-feed.repository';
import { createWorld, expectInvariants, inParallel, shop, until, type World } from '../support/fixtures';
import { testServices } from '../support/services';

/**
 * The event feed has every event once, in order per aggregate, during concurrent writes. Writes of other tests in other
 * databases of the server may hold it back too, so whatever is to appear is waited for.
 */

let world: World;
let feed: EventFeed;
let sku: string;
beforeEach(async () => {
  world = await createWorld();
  feed = new EventFeed(world.db);
  sku = await world.product({ onHand: 100 });
});
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

const all = { limit: 9, after: null };
const reserve = () => world.reserve([{ sku, quantity: 1 }]);
const typesIn = async (from = feed) => (await from.read(null, all)).map(({ type }) => type);
const untilShown = (types: string[], from = feed) =>
  until(async () => (await typesIn(from)).join() === types.join());

/** A transaction that has written something, possibly an event. */
async function writer(session?: Client): Promise<Client> {
  const open = session ?? (await world.session());
  await open.query('BEGIN');
  await open.query('SELECT pg_current_xact_id()');
  return open;
}

async function readOn(after: FeedKey | null, limit = 3) {
  const seen: FeedEvent[] = [];
  for (;;) {
    const page = await feed.read(null, { limit, after });
    seen.push(...page.slice(0, limit));
    after = page.at(limit - 1) ?? page.at(-1) ?? after;
    if (page.length <= limit) return { seen, after };
  }
}

describe('the event feed', () => {
  it('has every event once, in sequence per aggregate, while others are written', async () => {
    const seen: FeedEvent[] = [];
    let after: FeedKey | null = null;
    const buyers = inParallel(
      4,
      Array.from({ length: 30 }, () => async () => {
        const id = await reserve();
        await world.reservations.extend(id, 700, shop);
        await world.reservations.release(id, shop);
      }),
    );
    const readMore = async () => {
      const read = await readOn(after);
      seen.push(...read.seen);
      after = read.after;
      return seen.length;
    };
    let isOver = false;
    void buyers.then(() => (isOver = true));
    while (!isOver) await readMore();
    await until(async () => (await readMore()) >= 90);
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
    const slow = await writer();
    const reader = await world.session();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await reader.query('SELECT id FROM outbox');
    await reserve();
    expect(await typesIn()).toEqual([]);
    await slow.query('COMMIT');
    await untilShown(['reservation.created']);
    await reader.query('COMMIT');
  });

  it('waits for each of several open transactions', async () => {
    const [one, other] = [await writer(), await writer()];
    await reserve();
    expect(await typesIn()).toEqual([]);
    await one.query('COMMIT');
    expect(await typesIn()).toEqual([]);
    await other.query('COMMIT');
    await untilShown(['reservation.created']);
  });

  it('still shows what was settled before a transaction that stays open', async () => {
    await reserve();
    await untilShown(['reservation.created']);
    const slow = await writer();
    await reserve();
    expect(await typesIn()).toEqual(['reservation.created']);
    await slow.query('ROLLBACK');
    await untilShown(['reservation.created', 'reservation.created']);
  });

  it('waits for open transactions of other roles, whose activity PostgreSQL does not show', async () => {
    const role = `reader_${newId().replaceAll('-', '')}`;
    await world.rows(`CREATE ROLE ${role} LOGIN`);
    const { schema } = await world.row<{ schema: string }>(`SELECT current_schema() AS schema`);
    await world.rows(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    await world.rows(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    const url = new URL(world.config.databaseUrl);
    url.username = role;
    const reading = await openDatabase(loadConfig({ DATABASE_URL: url.href }), 'holdfast-test');
    const theirs = new EventFeed(reading.db);

    const slow = await writer();
    await reserve();
    expect(await typesIn(theirs)).toEqual([]);
    await slow.query('COMMIT');
    await untilShown(['reservation.created'], theirs);

    await reading.close();
    await world.rows(`DROP OWNED BY ${role}`);
    await world.rows(`DROP ROLE ${role}`);
  });

  it('waits for open writes in other databases of the server', async () => {
    const elsewhere = new Client({ connectionString: testServices().server });
    await elsewhere.connect();
    await writer(elsewhere);
    await reserve();
    expect(await typesIn()).toEqual([]);
    await elsewhere.end();
    await untilShown(['reservation.created']);
  });

  it('waits for prepared transactions', async () => {
    const { max } = await world.row<{ max: number }>(
      `SELECT current_setting('max_prepared_transactions')::int AS max`,
    );
    // Only a server that was not started for the tests may be without them.
    if (max === 0) return;
    const forgetful = await writer();
    await forgetful.query(`PREPARE TRANSACTION '${sku}'`);
    await reserve();
    expect(await typesIn()).toEqual([]);
    await forgetful.query(`ROLLBACK PREPARED '${sku}'`);
    await untilShown(['reservation.created']);
  });

  it('is in the order of time where the transaction of a later event had its id earlier', async () => {
    const insert = (open: Client, id: string, type: string) =>
      open.query(
        `INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, payload, applied_at)
         VALUES ($1, 'reservation', $1, 1, $2, '{}', now())`,
        [id, type],
      );
    const [first, second] = [await writer(), await writer()];
    const ids = [newId(), newId()] as const;
    await insert(second, ids[0], 'reservation.confirmed');
    await insert(first, ids[1], 'reservation.released');
    await first.query('COMMIT');
    // The id of the open transaction is above all that have ended, and so above the upper bound of a snapshot.
    const meanwhile = await typesIn();
    await second.query('COMMIT');
    await untilShown(['reservation.confirmed', 'reservation.released']);
    await world.rows(`DELETE FROM outbox WHERE id = ANY ($1::uuid[])`, [ids]);
    expect(meanwhile).toEqual([]);
  });

  it('skips a long time without events, and can be read for one aggregate', async () => {
    const old = await reserve();
    await world.rows(`UPDATE outbox SET created_at = created_at - interval '200 days'`);
    await world.reservations.release(old, shop);
    await untilShown(['reservation.created', 'reservation.released']);
    const { seen } = await readOn(null, 1);
    expect(seen.map(({ type }) => type)).toEqual(['reservation.created', 'reservation.released']);
    const own = await feed.read(old, all);
    expect(own.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });
});
