import { newId } from '../../src/ids';
import type { Tx } from '../../src/database/database';
import { messagesOf } from '../../src/queue/message-jobs';
import {
  messageRoutes,
  appendMessages,
  type NewMessage,
  receiveMessages,
} from '../../src/outbox/outbox.repository';
import { createWorld, QueueStub, shop, until, type World, expectInvariants } from '../support/fixtures';
import { databaseThatDiesAfter } from '../support/sagas';
import { Relay } from '../../src/outbox/relay';
import type { Queues } from '../../src/queue/queues';

let world: World;
beforeAll(async () => (world = await createWorld()));
beforeEach(async () => {
  await world.rows(`DELETE FROM outbox`);
  world.queues.jobs.length = 0;
});
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

/** Of a type that wakes a consumer; not an order's, which the audit would miss. */
const message = (aggregateId: string, sequence = 1, payload: Record<string, unknown> = {}): NewMessage => ({
  aggregateType: 'reservation',
  aggregateId,
  principal: 'shop',
  sequence,
  type: 'order.accepted',
  payload,
});

const write = (messages: NewMessage[]) =>
  world.db.transaction('command', (tx) => appendMessages(tx, messages));
const receive = async (tx: Tx, messageId: string) => (await receiveMessages(tx, [messageId])).has(messageId);
const sentBy = (queues: QueueStub) =>
  queues.jobs.flatMap((job) => messagesOf(job, (type) => type in messageRoutes));
const aggregatesOf = (queues: QueueStub) => sentBy(queues).map(({ aggregateId }) => aggregateId);

/** Makes claimed and relayed messages due. */
const passTime = () =>
  world.rows(
    `UPDATE outbox SET next_relay_at = clock_timestamp() - interval '1 second' WHERE applied_at IS NULL`,
  );

/** Rounds until nothing is left to send. */
async function drain(relay: Relay): Promise<void> {
  await until(async () => (await relay.runOnce()) === 0);
}

describe('a message without a consumer', () => {
  // These messages have no change behind them, which the audit would report.
  afterEach(() => world.rows(`DELETE FROM outbox`));

  it.each(['order.placed', 'order.refunded', 'reservation.confirmed', 'reservation.expired'] as const)(
    'is in the event feed and not enqueued (%s)',
    async (type) => {
      const aggregateId = newId();
      await write([{ ...message(aggregateId), type, payload: { orderId: null } }]);
      await drain(world.relay());
      expect(aggregatesOf(world.queues)).toEqual([]);
      expect(await world.row(`SELECT type, applied_at IS NOT NULL AS done FROM outbox`)).toEqual({
        type,
        done: true,
      });
    },
  );

  it('is enqueued when the reservation of a waiting order has ended', async () => {
    const aggregateId = newId();
    await write([{ ...message(aggregateId), type: 'reservation.expired', payload: { orderId: newId() } }]);
    await drain(world.relay());
    expect(aggregatesOf(world.queues)).toEqual([aggregateId]);
  });

  it('is acknowledged by the relay if an older build wrote it', async () => {
    await write([{ ...message(newId()), type: 'order.placed' }]);
    await world.rows(`UPDATE outbox SET applied_at = NULL`);
    await drain(world.relay());
    expect(world.queues.jobs).toEqual([]);
    expect(await world.rows(`SELECT FROM outbox WHERE applied_at IS NULL OR relayed_at IS NULL`)).toEqual([]);
  });
});

describe('messages of one aggregate', () => {
  it('are sent once and in order by four concurrent relays', async () => {
    const aggregates = Array.from({ length: 30 }, newId);
    const messagesEach = 5;
    for (let sequence = 1; sequence <= messagesEach; sequence++)
      await write(aggregates.map((id) => message(id, sequence)));

    // Later messages have been due for longer, so only the order per aggregate can delay them.
    await world.rows(`UPDATE outbox SET next_relay_at = clock_timestamp() - sequence * interval '1 second'`);

    const nothingLeft = async () =>
      (await world.rows(`SELECT FROM outbox WHERE relayed_at IS NULL`)).length === 0;
    await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const relay = world.relay();
        await until(async () => {
          await relay.runOnce();
          return nothingLeft();
        });
      }),
    );

    const sequences = new Map(
      (await world.rows<{ id: string; sequence: number }>(`SELECT id, sequence FROM outbox`)).map((row) => [
        row.id,
        row.sequence,
      ]),
    );
    for (const aggregate of aggregates) {
      const sent = sentBy(world.queues).filter(({ aggregateId }) => aggregateId === aggregate);
      expect(sent.map(({ messageId }) => sequences.get(messageId))).toEqual([1, 2, 3, 4, 5]);
    }
  });

  it('wait for an earlier one, while messages of other aggregates are sent', async () => {
    const [stuck, other] = [newId(), newId()];
    await write([message(stuck, 1)]);
    const { db, crashed } = databaseThatDiesAfter(1, world.db);
    const nowhere = new QueueStub();
    void new Relay(db, nowhere as unknown as Queues).runOnce();
    await crashed;
    await write([message(stuck, 2), message(other, 1), message(other, 2)]);

    await drain(world.relay());

    expect(aggregatesOf(world.queues)).toEqual([other, other]);
  });

  it('are not skipped when their transaction commits later than others', async () => {
    const [late, early] = [newId(), newId()];
    await world.db.transaction('command', async (tx) => {
      await appendMessages(tx, [message(late)]);
      await write([message(early)]);
      await drain(world.relay());
      expect(aggregatesOf(world.queues)).toEqual([early]);
    });

    await drain(world.relay());

    expect(aggregatesOf(world.queues)).toEqual([early, late]);
  });

  it('are never sent after a rollback', async () => {
    const work = world.db.transaction('command', async (tx) => {
      await appendMessages(tx, [message(newId())]);
      throw new Error('rolled back on purpose');
    });
    await expect(work).rejects.toThrow('rolled back on purpose');

    await drain(world.relay());

    expect(world.queues.jobs).toEqual([]);
  });
});

describe('an unknown message', () => {
  it('does not block the messages of other aggregates', async () => {
    const [poison, other] = [newId(), newId()];
    await write([message(poison, 1, { expiresAt: 'when it is ready' }), message(other, 1)]);

    await drain(world.relay());

    expect(aggregatesOf(world.queues)).toContain(other);
  });
});

describe('a relay that dies', () => {
  it('after the claim leaves its messages to be sent later, under a new job id', async () => {
    await write([message(newId())]);
    const away = new QueueStub();
    away.beforeAdd = () => Promise.reject(new Error('the queue is down'));
    await expect(world.relay(away).runOnce()).rejects.toThrow('the queue is down');

    // Its claim is still valid.
    expect(await world.relay().runOnce()).toBe(0);
    await passTime();
    expect(await world.relay().runOnce()).toBe(1);

    expect(world.queues.jobs.map((job) => job.id)).toEqual([`${world.queues.jobs[0]!.data.messageId}-2`]);
  });

  it('after sending has its message sent twice and applied once', async () => {
    await write([message(newId())]);
    const { db, crashed } = databaseThatDiesAfter(1, world.db);
    void new Relay(db, world.queues as unknown as Queues).runOnce();
    await crashed;
    expect(world.queues.jobs).toHaveLength(1);

    await passTime();
    await drain(world.relay());

    const [first, second] = world.queues.jobs;
    expect(second!.data).toEqual(first!.data);
    expect(second!.id).not.toBe(first!.id);
    const received = [first, second].map((job) =>
      world.db.transaction('command', (tx) => receive(tx, job!.data.messageId!)),
    );
    expect((await Promise.all(received)).filter(Boolean)).toHaveLength(1);
  });

  it('or only sleeps does not mark messages that another relay has taken over', async () => {
    await write([message(newId())]);
    const slow = new QueueStub();
    const second = new QueueStub();
    slow.beforeAdd = async () => {
      await passTime();
      second.beforeAdd = () => Promise.reject(new Error('the queue is down'));
      await world
        .relay(second)
        .runOnce()
        .catch(() => undefined);
    };

    await world.relay(slow).runOnce();

    // The relay that took over has not sent it, so it is still due.
    expect(await world.row(`SELECT relayed_at AS "relayedAt", relay_epoch AS epoch FROM outbox`)).toEqual({
      relayedAt: null,
      epoch: 2,
    });
    await passTime();
    await drain(world.relay());
    expect(world.queues.jobs).toHaveLength(1);
  });
});

describe('a message that was sent', () => {
  it('is resent until it is applied, and never afterwards', async () => {
    const [lost, applied] = [newId(), newId()];
    await write([message(lost), message(applied)]);
    await drain(world.relay());
    const appliedJob = sentBy(world.queues).find(({ aggregateId }) => aggregateId === applied)!;
    await world.db.transaction('command', (tx) => receive(tx, appliedJob.messageId));
    world.queues.jobs.length = 0;

    expect(await world.relay().runOnce()).toBe(0);
    await world.rows(`UPDATE outbox SET next_relay_at = clock_timestamp() - interval '1 second'`);
    await drain(world.relay());

    expect(aggregatesOf(world.queues)).toEqual([lost]);
  });

  it('does not delay the next message of its aggregate while it is unapplied', async () => {
    const aggregate = newId();
    await write([message(aggregate, 1)]);
    await drain(world.relay());
    await write([message(aggregate, 2)]);
    await drain(world.relay());

    expect(world.queues.jobs).toHaveLength(2);
  });

  it('contains only ids in its job, alone or with others', async () => {
    const [single, first, second] = [newId(), newId(), newId()];
    await write([message(single, 1, { expiresAt: '2100-01-01T00:00:00.500Z' })]);
    await drain(world.relay());
    await write([message(first), message(second)]);
    await drain(world.relay());

    const [alone, alarm, both] = world.queues.jobs;
    expect(alone).toMatchObject({ queue: 'checkout', name: 'order.accepted', data: { aggregateId: single } });
    expect(Object.keys(alone!.data).sort()).toEqual(['aggregateId', 'messageId']);
    expect(alarm).toMatchObject({
      queue: 'expiry',
      name: 'reservations.due',
      data: { aggregateId: null, messageId: null },
    });
    expect(both).toMatchObject({ queue: 'checkout', name: 'messages' });
    expect(both!.data.messages!.map((one) => [one.aggregateId, Object.keys(one).sort()])).toEqual([
      [first, ['aggregateId', 'epoch', 'messageId', 'type']],
      [second, ['aggregateId', 'epoch', 'messageId', 'type']],
    ]);
  });

  it('shares its job with the others of its queue, one job per queue and round', async () => {
    const orders = Array.from({ length: 30 }, () => message(newId()));
    const requests = Array.from({ length: 20 }, () => ({
      ...message(newId()),
      type: 'order.cancel_requested' as const,
    }));
    await write([...orders, ...requests]);

    expect(await world.relay().runOnce()).toBe(50);

    expect(world.queues.jobs.map(({ queue, data }) => [queue, data.messages?.length])).toEqual([
      ['checkout', 30],
      ['compensation', 20],
    ]);
  });

  it('wakes nobody and is acknowledged by the relay when it only asks for an alarm', async () => {
    const id = await world.reserve([{ sku: await world.product(), quantity: 1 }]);
    await world.reservations.extend(id, 700, shop);
    await drain(world.relay());

    expect(world.queues.jobs.map(({ queue }) => queue)).toEqual(['expiry', 'expiry']);
    expect(await world.rows(`SELECT FROM outbox WHERE applied_at IS NULL OR relayed_at IS NULL`)).toEqual([]);
  });

  it('is not acknowledged when its alarm could not be added', async () => {
    await world.reserve([{ sku: await world.product(), quantity: 1 }]);
    const away = new QueueStub();
    away.beforeAdd = () => Promise.reject(new Error('the queue is down'));
    await expect(world.relay(away).runOnce()).rejects.toThrow('the queue is down');

    expect(await world.rows(`SELECT FROM outbox WHERE applied_at IS NULL`)).toHaveLength(1);
    await passTime();
    await drain(world.relay());
    expect(world.queues.jobs.map(({ queue }) => queue)).toEqual(['expiry']);
  });

  it('sets one alarm for all reservations that end in the same second', async () => {
    const sku = await world.product({ onHand: 50 });
    for (let nth = 0; nth < 20; nth++) await world.reserve([{ sku, quantity: 1 }]);
    await world.rows(
      `UPDATE outbox SET payload = jsonb_build_object('expiresAt', '2100-01-01T00:00:00.500Z') WHERE type = 'reservation.created'`,
    );

    await drain(world.relay());

    const alarms = world.queues.jobs.filter((job) => job.queue === 'expiry');
    expect(new Set(alarms.map((alarm) => alarm.id)).size).toBeLessThanOrEqual(2);
    expect(alarms.length).toBeLessThanOrEqual(2);
    for (const alarm of alarms) expect(alarm.delayMs).toBeGreaterThan(0);
  });
});

describe('a consumer', () => {
  it('applies a message once when many copies arrive at once', async () => {
    await write([message(newId())]);
    const { id } = await world.row<{ id: string }>(`SELECT id FROM outbox`);

    const received = await Promise.all(
      Array.from({ length: 10 }, () => world.db.transaction('command', (tx) => receive(tx, id))),
    );

    expect(received.filter(Boolean)).toHaveLength(1);
  });

  it('applies nothing when it dies before its commit, and gets the message again', async () => {
    await write([message(newId())]);
    const { id } = await world.row<{ id: string }>(`SELECT id FROM outbox`);
    const work = world.db.transaction('command', async (tx) => {
      await receive(tx, id);
      throw new Error('the process dies here');
    });
    await expect(work).rejects.toThrow('the process dies here');

    expect(await world.db.transaction('command', (tx) => receive(tx, id))).toBe(true);
  });
});
