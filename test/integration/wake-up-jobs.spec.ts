import { DueSagas } from '../../src/background/due-sagas';
import type { Database, Tx } from '../../src/database/database';
import { jobOf, messagesOf, type QueuedMessage } from '../../src/queue/message-jobs';
import type { JobHandler, QueueName, Queues } from '../../src/queue/queues';
import { messageRoutes } from '../../src/outbox/outbox.repository';
import { listDeadLetters } from '../../src/outbox/dead-letters.repository';
import { consumersOf } from '../support/consumers';
import { createWorld, expectInvariants, shop, until, type World } from '../support/fixtures';
import { endOf, LedgerGateway, sagaOf } from '../support/sagas';

/** Jobs of several messages: what a worker takes of them, what it leaves to others, and what it acknowledges. */

const places = 3;
let world: World;
beforeEach(async () => (world = await createWorld({ PAYMENT_CONCURRENCY_MAX: String(places) })));
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

/** What the relay sends now, as jobs at their first start; a consumer's own jobs are added to the same list. */
async function relayed() {
  await until(async () => (await world.relay().runOnce()) === 0);
  return world.queues.jobs.splice(0).filter(({ queue }) => queue !== 'expiry');
}

const messagesIn = (jobs: { name: string; data: object }[]): QueuedMessage[] =>
  jobs.flatMap((job) => messagesOf(job as never, (type) => type in messageRoutes));
const ordersIn = (jobs: { name: string; data: object }[]) =>
  messagesIn(jobs)
    .map(({ aggregateId }) => aggregateId)
    .sort();

const start = (
  consumers: Record<QueueName, JobHandler>,
  { queue, name, data }: { queue: QueueName; name: string; data: never },
  starts = 1,
) => consumers[queue]({ name, data, starts });

async function ordersOf(count: number): Promise<string[]> {
  const orders: string[] = [];
  for (let nth = 0; nth < count; nth++) orders.push(await world.order());
  return orders.sort();
}

const unacknowledged = async () =>
  (
    await world.rows<{ id: string }>(
      `SELECT aggregate_id AS id FROM outbox WHERE applied_at IS NULL ORDER BY aggregate_id`,
    )
  ).map(({ id }) => id);

const endsOf = async (orders: string[]) => {
  const ends = await Promise.all(orders.map((orderId) => endOf(world, orderId)));
  return ends.map(({ order }) => order);
};

/** Counts the transactions of each name. */
function counted(): { db: Database; transactions: string[] } {
  const transactions: string[] = [];
  const db = Object.create(world.db) as Database;
  db.transaction = (name, ...rest) => {
    transactions.push(name);
    return world.db.transaction(name, ...rest);
  };
  return { db, transactions };
}

/** A provider whose calls for these orders last until the test ends them. */
class Slow extends LedgerGateway {
  readonly asked: (() => void)[] = [];
  override whileAsked = () => new Promise<void>((resolve) => this.asked.push(resolve));
  endAll(): void {
    this.whileAsked = () => Promise.resolve();
    for (const end of this.asked.splice(0)) end();
  }
}

describe('a job of several messages', () => {
  it('has its sagas claimed and its messages acknowledged in one transaction', async () => {
    const orders = await ordersOf(places);
    const [job, ...others] = await relayed();
    expect(others).toEqual([]);
    const { db, transactions } = counted();

    await start(consumersOf(world, { db }), job as never);

    expect(transactions.filter((name) => name === 'claim-saga')).toHaveLength(1);
    expect(await unacknowledged()).toEqual([]);
    await until(async () => (await endsOf(orders)).every((end) => end === 'placed'));
  });

  it('ends when its sagas are claimed, while their calls last', async () => {
    const orders = await ordersOf(places - 1);
    const [job] = await relayed();
    const gateway = new Slow();

    await start(consumersOf(world, { gateway }), job as never);

    await until(async () => gateway.asked.length === orders.length);
    expect(await endsOf(orders)).toEqual(orders.map(() => 'pending'));
    gateway.endAll();
    await until(async () => (await endsOf(orders)).every((end) => end === 'placed'));
  });

  it('is not held up by a slow call: what this worker has no place for is put back at once, unacknowledged', async () => {
    const orders = await ordersOf(places + 2);
    const [job] = await relayed();
    const gateway = new Slow();
    let ended = false;
    const handled = start(consumersOf(world, { gateway }), job as never).then(() => (ended = true));

    await until(async () => gateway.asked.length === places);
    const handedOn = world.queues.jobs.splice(0);
    expect(handedOn).toHaveLength(1);
    expect(ordersIn(handedOn)).toEqual(await unacknowledged());
    expect(handedOn[0]!.id).not.toBe(job!.id);

    // Another worker takes it, while this one, which is full, fetches no job.
    await start(consumersOf(world), handedOn[0] as never);
    await until(async () => (await endsOf(ordersIn(handedOn))).every((end) => end === 'placed'));
    expect(await unacknowledged()).toEqual([]);
    expect(ended).toBe(false);

    gateway.endAll();
    await handled;
    await until(async () => (await endsOf(orders)).every((end) => end === 'placed'));
  });

  it('is put back whole by a worker without a place', async () => {
    const busy = await ordersOf(places);
    const gateway = new Slow();
    const consumers = consumersOf(world, { gateway });
    const full = start(consumers, (await relayed())[0] as never);
    await until(async () => gateway.asked.length === places);
    const waiting = await ordersOf(2);
    const [job] = await relayed();
    const handled = start(consumers, job as never);

    await until(async () => world.queues.jobs.length > 0);
    expect(ordersIn(world.queues.jobs.splice(0))).toEqual(waiting);
    expect(await unacknowledged()).toEqual(waiting);
    gateway.endAll();
    await Promise.all([full, handled]);
    await until(async () => (await endsOf(busy)).every((end) => end === 'placed'));
  });

  it('is split into jobs of one message when it was started before and did not end', async () => {
    const orders = await ordersOf(places);
    const [job] = await relayed();
    const consumers = consumersOf(world);

    await start(consumers, job as never, 2);

    const jobs = world.queues.jobs.splice(0);
    expect(jobs.map(({ name, data }) => [name, data.aggregateId]).sort()).toEqual(
      orders.map((orderId) => ['order.accepted', orderId]),
    );
    // The batch is active while they are added, and a queue takes an id only once.
    expect(jobs.map(({ id }) => id)).not.toContain(job!.id);
    expect(await unacknowledged()).toEqual(orders);

    // A worker died between splitting it and ending it: the queue takes each id once.
    await start(consumers, job as never, 3);
    expect(world.queues.jobs.splice(0).map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));

    // The one that kills its workers is parked, and the others are applied.
    await start(consumers, jobs[0] as never, 4);
    for (const one of jobs.slice(1)) await start(consumers, one as never);
    expect((await listDeadLetters(world.db, 10, null)).map(({ aggregateId }) => aggregateId)).toEqual([
      jobs[0]!.data.aggregateId,
    ]);
    expect(await unacknowledged()).toEqual([jobs[0]!.data.aggregateId]);
    await until(async () => (await endsOf(orders)).filter((end) => end === 'placed').length === places - 1);
  });

  it('leaves messages unacknowledged whose sagas another transaction holds', async () => {
    const [held, free] = await ordersOf(2);
    const [job] = await relayed();
    const holder = await world.session();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM sagas WHERE order_id = $1 FOR UPDATE', [held]);

    await start(consumersOf(world), job as never);

    expect(await unacknowledged()).toEqual([held]);
    await until(async () => (await endOf(world, free!)).order === 'placed');
    await holder.query('ROLLBACK');
  });

  it('acknowledges messages whose sagas are not due: ended, or leased by a worker', async () => {
    const [ended, leased] = await ordersOf(2);
    const [job] = await relayed();
    await world.runner({ gateway: new LedgerGateway() }).drive(ended!);
    const gateway = new Slow();
    const drive = world.runner({ gateway }).drive(leased!);
    await until(async () => gateway.asked.length === 1);
    // As if they had not been acknowledged by the claims.
    await world.rows(`UPDATE outbox SET applied_at = NULL WHERE type = 'order.accepted'`);
    const before = await sagaOf(world, leased!);

    await start(consumersOf(world), job as never);

    expect(await unacknowledged()).toEqual([]);
    expect(await sagaOf(world, leased!)).toEqual(before);
    gateway.endAll();
    await drive;
  });

  it('leaves a message of a newer type to newer workers', async () => {
    const [orderId] = await ordersOf(1);
    const [known] = messagesIn(await relayed());
    const job = jobOf('checkout' as const, [known!, { ...known!, type: 'order.celebrated' }]);

    await start(consumersOf(world), job as never);

    await until(async () => (await endOf(world, orderId!)).order === 'placed');
    expect(world.queues.jobs).toEqual([]);
  });

  it('wakes the sagas of all reservations that ended, in one transaction', async () => {
    const orders = await ordersOf(places);
    for (const { id } of await world.rows<{ id: string }>(`SELECT id FROM reservations`))
      await world.makeDue(id);
    await world.reservations.expireDue();
    await world.rows(`UPDATE sagas SET next_run_at = clock_timestamp() + interval '1 hour'`);
    const jobs = (await relayed()).filter(({ queue }) => queue === 'events');
    expect(jobs).toHaveLength(1);
    const { db, transactions } = counted();

    await start(consumersOf(world, { db }), jobs[0] as never);

    expect(transactions.filter((name) => name === 'apply-event')).toHaveLength(1);
    await until(async () => (await endsOf(orders)).every((end) => end === 'rejected (reservation_expired)'));
  });
});

describe('a worker that has a place for fewer sagas than are due', () => {
  it('asks an idle worker to sweep too', async () => {
    const orders = await ordersOf(places + 2);
    const gateway = new Slow();
    const runner = world.runner({ gateway });
    const sweeper = new DueSagas(world.config, world.db, runner, world.queues as unknown as Queues);

    await sweeper.sweep();
    await until(async () => gateway.asked.length === places && world.queues.jobs.length === 1);

    const [bell] = world.queues.jobs.splice(0);
    await start(consumersOf(world), bell as never);
    await until(async () => (await endsOf(orders)).filter((end) => end === 'placed').length === 2);
    gateway.endAll();
    await sweeper.idle();
  });
});

describe('sagas that share a transaction', () => {
  /** A database that cannot save this order's saga in transactions of this name. */
  function failingFor(orderId: string, transaction: string): Database {
    const db = Object.create(world.db) as Database;
    db.transaction = (name, work, options) =>
      world.db.transaction(
        name,
        (tx) => {
          if (name !== transaction) return work(tx);
          const doomed = Object.create(tx) as Tx;
          doomed.affected = (sql, parameters = []) => {
            const isSaved = sql.includes('UPDATE sagas s') && parameters.some((one) => isIn(one, orderId));
            return isSaved ? Promise.reject(new Error('cannot be saved')) : tx.affected(sql, parameters);
          };
          return work(doomed);
        },
        options,
      );
    return db;
  }
  const isIn = (values: unknown, value: string) => Array.isArray(values) && values.includes(value);

  it.each(['claim-saga', 'record-result'])(
    'fail alone: one that cannot be saved fails no other (%s)',
    async (transaction) => {
      const [broken, ...others] = await ordersOf(places);
      const runner = world.runner({ db: failingFor(broken!, transaction), gateway: new LedgerGateway() });

      await Promise.all([broken!, ...others].map((orderId) => runner.drive(orderId)));

      expect(await endsOf(others)).toEqual(others.map(() => 'placed'));
      expect((await sagaOf(world, broken!)).lastError).toContain('cannot be saved');
    },
  );

  it('wait for no saga that an operator’s transaction holds while its result is recorded', async () => {
    const [held, ...others] = await ordersOf(places);
    const gateway = new Slow();
    const runner = world.runner({ gateway });
    const drives = [held!, ...others].map((orderId) => runner.drive(orderId));
    await until(async () => gateway.asked.length === places);
    const holder = await world.session();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM sagas WHERE order_id = $1 FOR UPDATE', [held]);

    gateway.endAll();
    await Promise.all(drives.slice(1));

    expect(await endsOf(others)).toEqual(others.map(() => 'placed'));
    expect(await endOf(world, held!)).toMatchObject({ order: 'pending' });
    await holder.query('ROLLBACK');
    await drives[0];
    expect(await endOf(world, held!)).toMatchObject({ order: 'placed' });
  });
});

describe('a reservation', () => {
  it('expires by its alarm with the sweeper off', async () => {
    const id = await world.reserve([{ sku: await world.product(), quantity: 1 }]);
    await until(async () => (await world.relay().runOnce()) === 0);
    const [alarm] = world.queues.jobs.splice(0).filter(({ queue }) => queue === 'expiry');
    expect(alarm!.delayMs).toBeGreaterThan(0);
    await world.makeDue(id);

    await start(consumersOf(world), alarm as never);

    expect((await world.reservations.get(id, shop)).status).toBe('expired');
  });
});
