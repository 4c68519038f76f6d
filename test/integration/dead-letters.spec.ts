import { newId } from '../../src/ids';
import {
  listDeadLetters,
  lockLetter,
  parkMessage,
  sendAgain,
} from '../../src/outbox/dead-letters.repository';
import { appendMessages, messageRoutes } from '../../src/outbox/outbox.repository';
import type { Database } from '../../src/database/database';
import { unavailable } from '../../src/errors';
import { messagesOf } from '../../src/queue/message-jobs';
import type { StartedJob } from '../../src/queue/queues';
import { consumersOf } from '../support/consumers';
import { createWorld, expectInvariants, QueueStub, until, type World } from '../support/fixtures';
import { endOf, LedgerGateway } from '../support/sagas';

let world: World;
beforeAll(async () => (world = await createWorld()));
beforeEach(async () => {
  // Leftovers of earlier tests must not affect the next.
  await world.rows(`UPDATE outbox SET next_relay_at = 'infinity' WHERE applied_at IS NULL`);
  await world.rows('DELETE FROM dead_letters');
  world.queues.jobs.length = 0;
});
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

/** A database in which applying an event always fails. */
function failingWith(error: Error): Database {
  const failing = Object.create(world.db) as Database;
  failing.transaction = (name, work, options) =>
    name === 'apply-event' ? Promise.reject(error) : world.db.transaction(name, work, options);
  return failing;
}

/** The reservation of an order that waits has ended, so its saga is to be woken. */
async function message(): Promise<StartedJob> {
  const orderId = await world.order();
  const { id: reservationId } = await world.row<{ id: string }>(
    `SELECT id FROM reservations WHERE order_id = $1`,
    [orderId],
  );
  await world.makeDue(reservationId);
  await world.reservations.expireDue();
  // Its other message is not the subject.
  await world.rows(`UPDATE outbox SET next_relay_at = 'infinity' WHERE aggregate_id = $1`, [orderId]);
  return jobOf(reservationId, 1);
}

/** Another message of the same reservation. */
async function nextOf({ data }: StartedJob): Promise<StartedJob> {
  const aggregateId = data.aggregateId!;
  const payload = { orderId: newId() };
  await world.db.transaction('command', (tx) =>
    appendMessages(tx, [
      {
        aggregateType: 'reservation',
        aggregateId,
        principal: 'shop',
        sequence: 99,
        type: 'reservation.expired',
        payload,
      },
    ]),
  );
  return jobOf(aggregateId, 2);
}

async function jobOf(aggregateId: string, nth: number): Promise<StartedJob> {
  const messages = await world.rows<{ id: string }>(
    `SELECT id FROM outbox WHERE aggregate_id = $1 AND type = 'reservation.expired' ORDER BY sequence`,
    [aggregateId],
  );
  return { name: 'reservation.expired', data: { messageId: messages[nth - 1]!.id, aggregateId }, starts: 1 };
}

/** Everything that the relay sends now, as jobs of one message at their first attempt. */
async function relayed(): Promise<StartedJob[]> {
  const queue = new QueueStub();
  await until(async () => (await world.relay(queue).runOnce()) === 0);
  return queue.jobs
    .flatMap((job) => messagesOf(job, (type) => type in messageRoutes))
    .map(({ type, messageId, aggregateId }) => ({
      name: type,
      data: { messageId, aggregateId },
      starts: 1,
    }));
}

/** Makes unapplied messages due to be resent. A parked one is never due. */
const passTime = () =>
  world.rows(
    `UPDATE outbox SET next_relay_at = clock_timestamp() - interval '1 second'
      WHERE applied_at IS NULL AND next_relay_at < 'infinity'`,
  );

const letters = () => listDeadLetters(world.db, 100, null);
const again = (id: string) =>
  world.db.transaction('dead-letter', async (tx) => {
    const letter = await lockLetter(tx, id);
    if (letter && !letter.retriedAt) await sendAgain(tx, letter);
    return letter;
  });
const appliedOf = async ({ data }: StartedJob) =>
  (
    await world.row<{ times: number }>(`SELECT count(applied_at)::int AS times FROM outbox WHERE id = $1`, [
      data.messageId,
    ])
  ).times;

describe('a message whose handler was started three times and never ended', () => {
  it('is parked with its reason instead of being started again, while others are applied', async () => {
    const [poison, other] = [await message(), await message()];
    await relayed();
    const { events } = consumersOf(world);

    await events({ ...poison, starts: 4 });
    await events({ ...other, starts: 3 });

    expect(await letters()).toEqual([
      {
        id: poison.data.messageId,
        type: 'reservation.expired',
        aggregateId: poison.data.aggregateId,
        reason: expect.stringContaining('did not come back'),
        attempts: 4,
        diedAt: expect.any(Date),
        retriedAt: null,
      },
    ]);
    expect([await appliedOf(poison), await appliedOf(other)]).toEqual([0, 1]);
  });

  it('is never sent again by itself', async () => {
    const poison = await message();
    await relayed();
    await consumersOf(world).events({ ...poison, starts: 4 });
    await passTime();
    expect(await relayed()).toEqual([]);
  });

  it('does not delay the next message of its aggregate', async () => {
    const poison = await message();
    await relayed();
    await consumersOf(world).events({ ...poison, starts: 4 });
    const next = await nextOf(poison);
    expect(await relayed()).toEqual([next]);
  });

  it('is not parked if it was applied', async () => {
    const slow = await message();
    const { events } = consumersOf(world);
    await events({ ...slow, starts: 3 });
    await events({ ...slow, starts: 4 });
    expect(await letters()).toEqual([]);
    expect(await appliedOf(slow)).toBe(1);
  });

  it('loses no order if it was for a checkout: the saga stays due', async () => {
    const orderId = await world.order();
    const bell = (await relayed()).find(({ name }) => name === 'order.accepted')!;
    const { checkout } = consumersOf(world);
    await checkout({ ...bell, starts: 4 });

    expect((await letters()).map(({ aggregateId }) => aggregateId)).toEqual([orderId]);
    await world.runner({ gateway: new LedgerGateway() }).drive(orderId);
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });
});

describe('a message whose handler throws', () => {
  it('is retried twice and parked the third time, with the handler’s error', async () => {
    const poison = await message();
    const { events } = consumersOf(world, { db: failingWith(new Error('cannot be understood')) });
    for (const starts of [1, 2])
      await expect(events({ ...poison, starts })).rejects.toThrow('cannot be understood');
    expect(await letters()).toEqual([]);

    await events({ ...poison, starts: 3 });

    expect(await letters()).toMatchObject([{ reason: 'cannot be understood', attempts: 3 }]);
  });

  it('is not parked and is sent again if it throws because of an outage', async () => {
    const job = await message();
    await relayed();
    const { events } = consumersOf(world, { db: failingWith(unavailable('PostgreSQL cannot be reached.')) });
    for (const starts of [1, 2, 3]) await expect(events({ ...job, starts })).rejects.toThrow();
    expect(await letters()).toEqual([]);

    await passTime();
    expect(await relayed()).toEqual([job]);
  });

  it('is parked with the beginning of a very long error', async () => {
    const poison = await message();
    const { events } = consumersOf(world, { db: failingWith(new Error('x'.repeat(5_000))) });
    await events({ ...poison, starts: 3 });
    expect((await letters())[0]!.reason).toBe('x'.repeat(500));
  });
});

describe('a dead letter that is sent again', () => {
  async function parked(): Promise<StartedJob> {
    const poison = await message();
    await relayed();
    await consumersOf(world).events({ ...poison, starts: 4 });
    return poison;
  }

  it('is applied once and leaves the list of dead letters', async () => {
    const [poison, other] = [await parked(), await parked()];
    expect(await again(poison.data.messageId!)).toMatchObject({ id: poison.data.messageId });
    expect((await letters()).map(({ id }) => id)).toEqual([other.data.messageId]);

    const [job, ...more] = await relayed();
    expect([job, more]).toEqual([poison, []]);
    const { events } = consumersOf(world);
    await Promise.all([events(job!), events(job!), events({ ...poison, starts: 4 })]);

    expect([await appliedOf(poison), await appliedOf(other)]).toEqual([1, 0]);
    await passTime();
    expect(await relayed()).toEqual([]);
  });

  it('is parked again when the cause remains, with all attempts counted', async () => {
    const poison = await parked();
    await again(poison.data.messageId!);
    const [job] = await relayed();
    await consumersOf(world, { db: failingWith(new Error('still a bug')) }).events({ ...job!, starts: 3 });
    expect(await letters()).toMatchObject([{ reason: 'still a bug', attempts: 7, retriedAt: null }]);

    await again(poison.data.messageId!);
    expect(await relayed()).toEqual([poison]);
  });

  it('is sent once when many operators retry it at the same time', async () => {
    const poison = await parked();
    await Promise.all(Array.from({ length: 10 }, () => again(poison.data.messageId!)));
    expect(await relayed()).toEqual([poison]);
  });

  it('is not sent if it has been applied', async () => {
    const poison = await parked();
    await consumersOf(world).events({ ...poison, starts: 1 });
    await again(poison.data.messageId!);
    expect(await relayed()).toEqual([]);
    expect(await letters()).toEqual([]);
    expect(await appliedOf(poison)).toBe(1);
  });

  it('is not found if it was never parked', async () => {
    const sound = await message();
    expect(await again(sound.data.messageId!)).toBeUndefined();
    expect(await again(newId())).toBeUndefined();
  });

  it('stays parked when the relay marks it as sent after that', async () => {
    const poison = await message();
    const slow = new QueueStub();
    slow.beforeAdd = () => consumersOf(world).events({ ...poison, starts: 4 });
    await world.relay(slow).runOnce();
    await passTime();
    expect(await relayed()).toEqual([]);
    expect(await letters()).toHaveLength(1);
  });
});

describe('the list of dead letters', () => {
  it('is ordered oldest first, in pages', async () => {
    const jobs: StartedJob[] = [];
    for (let nth = 0; nth < 5; nth++) jobs.push(await message());
    for (const job of [...jobs].reverse())
      await world.db.transaction('dead-letter', (tx) =>
        parkMessage(tx, { messageId: job.data.messageId!, starts: 1, reason: 'poison' }),
      );

    // Ids of one millisecond are in random order, so the expected order is that of the ids.
    const ids = jobs.map(({ data }) => data.messageId).sort();
    const page = async (limit: number, after: string | null) =>
      (await listDeadLetters(world.db, limit, after)).map(({ id }) => id);
    // One more row than requested shows that there is another page.
    expect(await page(2, null)).toEqual(ids.slice(0, 3));
    expect(await page(2, ids[1]!)).toEqual(ids.slice(2, 5));
    expect(await page(2, ids[3]!)).toEqual(ids.slice(4));
    expect(await page(2, ids[4]!)).toEqual([]);
  });
});
