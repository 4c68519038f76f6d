import type { Database } from '../../src/database/database';
import { Intake } from '../../src/orders/intake/intake';
import { Relay } from '../../src/outbox/relay';
import type { Queues } from '../../src/queue/queues';
import { createWorld, expectInvariants, QueueStub, until, type World } from '../support/fixtures';
import { endOf, LedgerGateway } from '../support/sagas';

/** An order's first message, claimed from its birth by the process that accepts the order. */

let world: World;
beforeEach(async () => (world = await createWorld()));
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

/** A process that accepts orders, and the names of its transactions. */
function acceptingProcess(queues = new QueueStub()) {
  const transactions: string[] = [];
  const db = Object.create(world.db) as Database;
  db.transaction = (name, ...rest) => {
    transactions.push(name);
    return world.db.transaction(name, ...rest);
  };
  const relay = new Relay(db, queues as unknown as Queues);
  const intake = new Intake(db, world.stock, relay);
  const accept = async () => {
    const lines = [{ sku: await world.product(), quantity: 1 }];
    return (await intake.accept(world.checkout(lines))).orderId;
  };
  return { relay, queues, transactions, accept };
}

const messageOf = (orderId: string) =>
  world.row(
    `SELECT relay_epoch AS epoch, relayed_at IS NOT NULL AS marked, applied_at IS NOT NULL AS applied
       FROM outbox WHERE aggregate_id = $1 AND sequence = 1`,
    [orderId],
  );

describe('the message of an order that this process accepted', () => {
  it('is sent with its alarm without a claim, and not marked when it is applied by then', async () => {
    const { relay, queues, transactions, accept } = acceptingProcess();
    const orderId = await accept();
    await until(async () => queues.jobs.length === 2);

    expect(transactions).not.toContain('claim-messages');
    expect(queues.jobs.map(({ queue, data }) => [queue, data.aggregateId])).toEqual([
      ['checkout', orderId],
      ['expiry', null],
    ]);
    expect(await world.relay().runOnce()).toBe(0);
    await world.runner({ gateway: new LedgerGateway() }).drive(orderId);
    await relay.stop();
    expect(await messageOf(orderId)).toEqual({ epoch: 1, marked: false, applied: true });
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('is marked when it is not applied soon, and sent again when it stays so', async () => {
    const { relay, queues, accept } = acceptingProcess();
    const orderId = await accept();
    await until(async () => queues.jobs.length > 0);
    await relay.stop();
    expect(await messageOf(orderId)).toEqual({ epoch: 1, marked: true, applied: false });

    await world.rows(`UPDATE outbox SET next_relay_at = clock_timestamp() WHERE applied_at IS NULL`);
    expect(await world.relay().runOnce()).toBe(1);
    expect(world.queues.jobs[0]!.id).not.toBe(queues.jobs[0]!.id);
  });

  it('is left to any relay when its process dies before it sends it', async () => {
    const dying = new QueueStub();
    dying.beforeAdd = () => new Promise(() => undefined);
    const { accept } = acceptingProcess(dying);
    const orderId = await accept();

    expect(await world.relay().runOnce()).toBe(0);
    await world.rows(`UPDATE outbox SET next_relay_at = clock_timestamp() WHERE applied_at IS NULL`);
    expect(await world.relay().runOnce()).toBe(1);
    expect(world.queues.jobs[0]!.data.aggregateId).toBe(orderId);
    expect(await messageOf(orderId)).toEqual({ epoch: 2, marked: true, applied: false });
  });

  it('is not claimed while the queue is away', async () => {
    const away = new QueueStub();
    away.beforeAdd = () => Promise.reject(new Error('the queue is down'));
    const { relay, accept } = acceptingProcess(away);
    await accept();
    await until(async () => !relay.sendsOwn);

    const orderId = await accept();

    expect(await messageOf(orderId)).toMatchObject({ epoch: 0 });
    await relay.stop();
  });
});
