import { randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiKeys } from '../../src/auth/api-keys';
import { Database, openDatabase } from '../../src/database/database';
import { CONFIG, type Config } from '../../src/config/config';
import { parsePublicId } from '../../src/ids';
import { appendMessages } from '../../src/outbox/outbox.repository';
import { EventOwners } from '../../src/outbox/event-owners';
import { EventUpkeep } from '../../src/outbox/event-upkeep';
import type { ShopEvent, ShopEventList } from '../../src/shop-events/event-objects';
import { openApis } from '../support/api';
import { expectInvariants } from '../support/fixtures';
import { until } from '../support/until';

const client = { authorization: 'Bearer hf_dev_client' };
const other = { authorization: 'Bearer hf_dev_admin' };

let api: NestFastifyApplication;
let db: Database;
let close: () => Promise<void>;

beforeEach(async () => {
  const opened = await openApis(1, {
    EVENT_ROUND_MS: '20',
    STREAM_CHECK_MS: '50',
    STREAMS_PER_KEY_MAX: '200',
  });
  [api] = opened.apis as [NestFastifyApplication];
  close = () => opened.close();
  db = api.get(Database);
  const payload = { name: 'Tee', unitPrice: { amount: 1999, currency: 'EUR' }, onHand: 1_000 };
  await api.inject({ method: 'PUT', url: '/v1/admin/products/TEE', headers: other, payload });
});
afterEach(async () => {
  try {
    await expectInvariants({ db });
  } finally {
    await close();
  }
});

async function post(url: string, payload: object = {}, headers: Record<string, string> = client) {
  const answer = await api.inject({
    method: 'POST',
    url,
    headers: { ...headers, 'idempotency-key': randomUUID() },
    payload,
  });
  expect(answer.statusCode).toBeLessThan(300);
  return answer.json<{ id: string; version: number }>();
}

const lines = [{ sku: 'TEE', quantity: 1 }];
const reserve = (headers = client) => post('/v1/reservations', { customerId: 'c', lines }, headers);
const release = (id: string, headers = client) => post(`/v1/reservations/${id}/release`, {}, headers);
/** It stays pending: there is no worker. */
const order = () => post('/v1/orders', { customerId: 'c', paymentMethod: 'pm_card_visa', lines });

const get = (query: string, headers: Record<string, string> = client) =>
  api.inject({ url: `/v1/events?${query}`, headers });
async function page(query = '', headers: Record<string, string> = client): Promise<ShopEventList> {
  const answer = await get(query, headers);
  expect([answer.statusCode, answer.body]).toEqual([200, answer.body]);
  return answer.json<ShopEventList>();
}
const problem = async (query: string, headers?: Record<string, string>) => {
  const answer = await get(query, headers);
  return {
    ...answer.json<{ code: string; oldestCursor?: string; detail: string }>(),
    status: answer.statusCode,
  };
};

/** All from a cursor on, two at a time. */
async function readAll(
  cursor?: string,
  headers = client,
  more = '',
): Promise<{ events: ShopEvent[]; cursor: string }> {
  const events: ShopEvent[] = [];
  for (;;) {
    const { data, hasMore, nextCursor } = await page(
      `limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}${more}`,
      headers,
    );
    events.push(...data);
    cursor = nextCursor;
    if (!hasMore) return { events, cursor };
  }
}

/** What other tests write in other databases of this server may hold the feed back. */
async function untilRead(count: number, cursor?: string, headers = client) {
  let read = await readAll(cursor, headers);
  await until(`${count} events`, async () => (read = await readAll(cursor, headers)).events.length >= count);
  return read;
}

const typesOf = (events: ShopEvent[]) => events.map(({ type }) => type);

describe('GET /v1/events', () => {
  it("has a shop's own events in order, with their objects as they stand, and nobody else's", async () => {
    const { id } = await reserve();
    const { id: theirs } = await reserve(other);
    const { id: orderId } = await order();
    const extended = await post(`/v1/reservations/${id}/extend`, { ttlSeconds: 900 });
    await release(id);

    const { events } = await untilRead(4);
    expect(typesOf(events)).toEqual([
      'reservation.created',
      'order.accepted',
      'reservation.extended',
      'reservation.released',
    ]);
    const [created, accepted] = events;
    expect(created).toMatchObject({
      object: 'event',
      aggregateId: id,
      sequence: 1,
      data: { object: { object: 'reservation', id, status: 'released' } },
    });
    expect(created!.data.object!.version).toBeGreaterThan(extended.version);
    expect(accepted!.data.object).toMatchObject({ object: 'order', id: orderId, status: 'pending' });
    expect((await untilRead(1, undefined, other)).events).toMatchObject([{ aggregateId: theirs }]);
    expect((await page(`aggregateId=${id}`)).data.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect((await page(`aggregateId=${theirs}`)).data).toEqual([]);
  });

  it('goes on after a cursor, also one that was given with an empty page', async () => {
    const { cursor: beginning, events } = await readAll();
    expect(events).toEqual([]);
    const { id } = await reserve();
    const { cursor } = await untilRead(1, beginning);
    const { cursor: same } = await readAll(cursor);
    await release(id);
    expect(typesOf((await untilRead(1, same)).events)).toEqual(['reservation.released']);
    const latest = await page('cursor=latest');
    expect(latest).toMatchObject({ data: [], hasMore: false });
    expect((await readAll(latest.nextCursor)).events).toEqual([]);
    await reserve();
    expect(typesOf((await untilRead(1, latest.nextCursor)).events)).toEqual(['reservation.created']);
  });

  it('has the types that are asked for, and moves past the others', async () => {
    const { id } = await reserve();
    await order();
    await release(id);
    await untilRead(3);
    const orders = await readAll(undefined, client, '&types=order.*');
    expect(typesOf(orders.events)).toEqual(['order.accepted']);
    expect((await readAll(orders.cursor)).events).toEqual([]);
    const some = await readAll(undefined, client, '&types=order.placed,reservation.released');
    expect(typesOf(some.events)).toEqual(['reservation.released']);
    const { status, detail } = await problem('types=order.*,reservation.sold');
    expect([status, detail]).toEqual([422, expect.stringContaining('"reservation.sold" names no type')]);
    expect(await problem('', { ...client, prefer: 'wait=31' })).toMatchObject({
      status: 422,
      code: 'validation_failed',
    });
  });

  it('refuses a cursor of another key, and what is no cursor', async () => {
    const { nextCursor } = await page('', other);
    for (const cursor of [nextCursor, 'nonsense', Buffer.from('a 1 2 3').toString('base64url')])
      expect(await problem(`cursor=${cursor}`)).toMatchObject({ status: 422, code: 'invalid_cursor' });
    expect(await problem('cursor=%20')).toMatchObject({ status: 422, code: 'validation_failed' });
  });

  it('says when the event of a cursor is gone, or the cursor too old, and where to go on', async () => {
    const { id } = await reserve();
    const { cursor } = await untilRead(1);
    await release(id);
    await db.rows(`UPDATE outbox SET id = gen_random_uuid() WHERE sequence = 1`);
    const gone = await problem(`cursor=${cursor}`);
    expect(gone).toMatchObject({ status: 410, code: 'cursor_unknown' });
    expect(typesOf((await untilRead(2, gone.oldestCursor)).events)).toEqual([
      'reservation.created',
      'reservation.released',
    ]);
    // Thirty days pass: the cursor is from before them.
    const [mark, micros, sequence, event, seen] = Buffer.from(cursor, 'base64url').toString().split(' ');
    const ago = (text: string) => Number(text) - 31 * 86_400_000_000;
    const old = Buffer.from([mark, ago(micros!), sequence, event, ago(seen!)].join(' ')).toString(
      'base64url',
    );
    expect(await problem(`cursor=${old}`)).toMatchObject({
      status: 410,
      code: 'cursor_too_old',
      oldestCursor: gone.oldestCursor === undefined ? undefined : expect.any(String),
    });
    // A quiet shop that asked a moment ago has missed nothing, however old its last event.
    const quiet = Buffer.from([mark, ago(micros!), sequence, event, seen].join(' ')).toString('base64url');
    expect(typesOf((await readAll(quiet)).events)).toEqual(['reservation.created', 'reservation.released']);
  });
});

describe('GET /v1/events with Prefer: wait', () => {
  const wait = { ...client, prefer: 'wait=30' };

  it('answers as soon as there is an event, and with nothing when the time is over', async () => {
    const { nextCursor } = await page('cursor=latest');
    const waiting = page(`cursor=${nextCursor}&types=reservation.released`, wait);
    const { id } = await reserve();
    await release(id);
    expect(typesOf((await waiting).data)).toEqual(['reservation.released']);
    const brief = await page('cursor=latest', { ...client, prefer: 'wait=1' });
    const nothing = await page(`cursor=${brief.nextCursor}`, { ...client, prefer: 'wait=1' });
    expect(nothing).toMatchObject({ data: [], hasMore: false });
    await reserve();
    expect(typesOf((await untilRead(1, nothing.nextCursor)).events)).toEqual(['reservation.created']);
  });

  it('ends when the key is revoked, and counts as a stream of the key', async () => {
    const { nextCursor } = await page('cursor=latest');
    const waiting = Array.from({ length: 200 }, () => page(`cursor=${nextCursor}`, wait));
    await until('all wait', async () =>
      /^holdfast_event_streams 200$/m.test((await api.inject({ url: '/metrics' })).body),
    );
    expect(await problem(`cursor=${nextCursor}`, wait)).toMatchObject({
      status: 429,
      code: 'too_many_streams',
    });
    jest.spyOn(api.get(ApiKeys), 'findAllNow').mockResolvedValue(new Map());
    for (const { data } of await Promise.all(waiting)) expect(data).toEqual([]);
    jest.restoreAllMocks();
  });

  it('costs no statement for each reader that waits', async () => {
    const { nextCursor } = await page('cursor=latest');
    const reading = [page(`cursor=${nextCursor}`, wait)];
    const statementsOfRounds = async (rounds: number) => {
      const rows = jest.spyOn(db, 'rows');
      const looks = () => rows.mock.calls.filter(([sql]) => sql.includes('pg_snapshot_xmin')).length;
      await until(`${rounds} rounds`, () => Promise.resolve(looks() >= rounds));
      const count = rows.mock.calls.length;
      rows.mockRestore();
      return count;
    };
    await statementsOfRounds(3);
    const ofOne = await statementsOfRounds(10);
    reading.push(...Array.from({ length: 150 }, () => page(`cursor=${nextCursor}`, wait)));
    await until('all wait', async () =>
      /^holdfast_event_streams 151$/m.test((await api.inject({ url: '/metrics' })).body),
    );
    await statementsOfRounds(3);
    expect(await statementsOfRounds(10)).toBeLessThanOrEqual(ofOne + 4);
    await reserve();
    for (const { data } of await Promise.all(reading)) expect(data).toHaveLength(1);
  });
});

describe('events without an owner', () => {
  /** As an earlier process that runs beside this build writes them, and as the migration finds those from before. */
  it.each([
    ['of earlier processes', null, false],
    ['of earlier builds', '', true],
  ])('%s are found, and filled in', async (_, principal, missing) => {
    const { id } = await reserve();
    await order();
    await release(id);
    await reserve(other);
    await untilRead(3);
    await db.rows(`UPDATE outbox SET principal = $1::text WHERE type <> 'reservation.released'`, [principal]);
    await db.rows(`UPDATE event_upkeep SET owners_missing = $1::boolean`, [missing]);
    // It was known before, and stays so in a process.
    Object.assign(api.get(EventOwners), { known: false });
    const types = ['reservation.created', 'order.accepted', 'reservation.released'];
    expect(typesOf((await readAll()).events)).toEqual(types);

    await api.get(EventUpkeep).keepUp();

    expect(await db.rows(`SELECT DISTINCT principal FROM outbox ORDER BY 1`)).toEqual([
      { principal: 'bootstrap-admin' },
      { principal: 'bootstrap-client' },
    ]);
    expect(await db.rows(`SELECT owners_missing AS missing FROM event_upkeep`)).toEqual([{ missing: false }]);
    expect(typesOf((await readAll()).events)).toEqual(types);
  });
});

describe('old events', () => {
  const age = (id: string, days: number) =>
    db.rows(
      `UPDATE outbox SET created_at = created_at - $2::int * interval '1 day', applied_at = coalesce(applied_at, created_at)
        WHERE aggregate_id = $1::uuid`,
      [parsePublicId('rsv', id) ?? parsePublicId('ord', id), days],
    );
  const left = async () =>
    (await db.rows<{ id: string }>(`SELECT DISTINCT aggregate_id AS id FROM outbox`)).map(({ id }) => id);

  it('are deleted with their whole aggregate once it has ended, and no audit misses them', async () => {
    const ended = (await reserve()).id;
    await release(ended);
    const recent = (await reserve()).id;
    await release(recent);
    const live = (await reserve()).id;
    const half = (await reserve()).id;
    await release(half);
    const pending = (await order()).id;
    for (const id of [ended, live, pending]) await age(id, 40);
    await age(half, 40);
    await db.rows(
      `UPDATE outbox SET created_at = created_at + interval '40 days' WHERE aggregate_id = $1::uuid AND sequence = 2`,
      [parsePublicId('rsv', half)],
    );
    await age(recent, 30);
    await db.rows(
      `UPDATE reservations SET created_at = created_at - interval '40 days' WHERE id = $1::uuid`,
      [parsePublicId('rsv', ended)],
    );
    // The message of a pending order is not applied yet in truth.
    await db.rows(`UPDATE outbox SET applied_at = NULL WHERE type = 'order.accepted'`);
    await db.rows(`UPDATE outbox SET relay_epoch = 1 WHERE type = 'reservation.created'`);

    await api.get(EventUpkeep).keepUp();

    expect((await left()).sort()).toEqual(
      [recent, live, half]
        .map((id) => parsePublicId('rsv', id)!)
        .concat(parsePublicId('ord', pending)!)
        .sort(),
    );
  });
});

describe('a clock that is behind the newest event', () => {
  it('writes no event that is older', async () => {
    const { id } = await reserve();
    await db.rows(`UPDATE outbox SET created_at = clock_timestamp() + interval '5 seconds'`);
    const opened = await openDatabase(api.get<Config>(CONFIG), 'behind');
    try {
      const [newest] = await db.rows<{ at: string }>(`SELECT max(created_at)::text AS at FROM outbox`);
      await opened.db.transaction('command', (tx) =>
        appendMessages(tx, [
          {
            aggregateType: 'reservation',
            aggregateId: parsePublicId('rsv', id)!,
            principal: 'bootstrap-client',
            sequence: 9,
            type: 'reservation.changed',
            payload: {},
          },
        ]),
      );
      expect(await db.rows(`SELECT created_at::text AS at FROM outbox WHERE sequence = 9`)).toEqual([newest]);
      await db.rows(`UPDATE outbox SET created_at = clock_timestamp() + interval '1 hour'`);
      const far = await openDatabase(api.get<Config>(CONFIG), 'wrong');
      await far.db.transaction('command', (tx) => Promise.resolve(expect(tx.newestEventAt).toBeNull()));
      await far.close();
    } finally {
      await opened.close();
    }
    await release(id);
  });
});
