import type { Database } from '../../src/database/database';
import { newId } from '../../src/ids';
import { codeVersion } from '../../src/orders/checkout-saga/code-version';
import type { SagaAction } from '../../src/orders/saga-actions/saga-actions';
import { listDeadLetters } from '../../src/outbox/dead-letters.repository';
import { DueSagas } from '../../src/background/due-sagas';
import type { Queues } from '../../src/queue/queues';
import { consumersOf } from '../support/consumers';
import {
  outcomeOf,
  createWorld,
  expectInvariants,
  operator,
  shop,
  until,
  type World,
} from '../support/fixtures';
import { endOf, LedgerGateway, sagaOf } from '../support/sagas';

/**
 * Two builds on one database, as during a rollout. The tests write rows of the newer build directly; renaming them to
 * something that this build knows stands for the newer build taking over.
 */

const places = 3;
let world: World;
beforeEach(async () => (world = await createWorld({ PAYMENT_CONCURRENCY_MAX: String(places) })));
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

const gateway = new LedgerGateway();

async function sweep(): Promise<void> {
  const sweeper = new DueSagas(
    world.config,
    world.db,
    world.runner({ gateway }),
    world.queues as unknown as Queues,
  );
  await sweeper.sweep();
  await sweeper.idle();
}

const set = (orderId: string, column: 'step' | 'code_version', value: string | number) =>
  world.rows(`UPDATE sagas SET ${column} = $2 WHERE order_id = $1`, [orderId, value]);

const sagaRow = (orderId: string) => world.row(`SELECT * FROM sagas WHERE order_id = $1`, [orderId]);

const unknownTo = {
  'a step that this build does not have': {
    write: (orderId: string) => set(orderId, 'step', 'screen-for-fraud'),
    handBack: (orderId: string) => set(orderId, 'step', 'authorize-payment'),
  },
  'a newer code version': {
    write: (orderId: string) => set(orderId, 'code_version', codeVersion + 1),
    handBack: (orderId: string) => set(orderId, 'code_version', codeVersion),
  },
};

describe.each(Object.entries(unknownTo))('a saga of %s', (_, { write, handBack }) => {
  it('is left unchanged by sweepers and wake-up jobs, and driven by the build that knows it', async () => {
    const [orderId, known] = [await world.order(), await world.order()];
    await write(orderId);
    const before = await sagaRow(orderId);

    for (let nth = 0; nth < 8; nth++) await sweep();
    expect(await world.runner({ gateway }).drive(orderId)).toBe(false);

    expect(await sagaRow(orderId)).toEqual(before);
    expect(await endOf(world, orderId)).toEqual({ order: 'pending', reservation: 'active', reserved: 1 });
    expect(await endOf(world, known)).toMatchObject({ order: 'placed' });

    await handBack(orderId);
    await sweep();
    expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });

  it('does not block known sagas, in any number', async () => {
    const unknown: string[] = [];
    for (let nth = 0; nth < places + 1; nth++) {
      unknown.push(await world.order());
      await write(unknown.at(-1)!);
    }
    const known = await world.order();

    await sweep();
    await sweep();

    expect(await sagaOf(world, known)).toMatchObject({ status: 'completed' });
    for (const orderId of unknown) await handBack(orderId);
    for (let nth = 0; nth < 3; nth++) await sweep();
    for (const orderId of unknown) expect(await endOf(world, orderId)).toMatchObject({ order: 'placed' });
  });
});

describe('a saga of a newer code version', () => {
  it('is not cancelled by this build, which answers 503', async () => {
    const orderId = await world.order();
    await set(orderId, 'code_version', codeVersion + 1);
    const before = await sagaRow(orderId);
    const acts: SagaAction[] = ['retry', 'compensate', 'resolve'];

    expect(await outcomeOf(world.orders.requestCancellation(orderId, 'cancel', newId(), shop))).toBe(
      'unavailable',
    );
    for (const act of acts)
      expect(
        await outcomeOf(world.sagaActions.perform(act, orderId, { reason: 'customer called' }, operator)),
      ).toBe('unavailable');

    expect(await sagaRow(orderId)).toEqual(before);
    await set(orderId, 'code_version', codeVersion);
    await sweep();
  });

  it('keeps its state when this build fails during the claim', async () => {
    const orderId = await world.order();
    await set(orderId, 'code_version', codeVersion + 1);
    const before = await sagaRow(orderId);
    const failing = Object.create(world.db) as Database;
    failing.transaction = async (name, ...rest) => {
      if (name === 'claim-saga') throw new Error('something broke');
      return world.db.transaction(name, ...rest);
    };

    expect(await world.runner({ db: failing, gateway }).drive(orderId)).toBe(false);

    expect(await sagaRow(orderId)).toEqual(before);
    await set(orderId, 'code_version', codeVersion);
    await sweep();
  });
});

describe('a message that this build does not know', () => {
  const newType = 'reservation.transferred';

  /** A reservation whose first message has a type that only newer code knows; the second one is known. */
  async function newerMessage(): Promise<{ reservationId: string; messageId: string }> {
    const reservationId = await world.reserve([{ sku: await world.product(), quantity: 1 }]);
    const { id: messageId } = await world.row<{ id: string }>(
      `UPDATE outbox SET type = $2 WHERE aggregate_id = $1 RETURNING id`,
      [reservationId, newType],
    );
    return { reservationId, messageId };
  }

  const handBack = (messageId: string) =>
    world.rows(`UPDATE outbox SET type = 'reservation.created', relay_epoch = 1 WHERE id = $1`, [messageId]);
  const drain = () => until(async () => (await world.relay().runOnce()) === 0);
  const sent = async (aggregateId: string) =>
    (
      await world.rows<{ type: string }>(
        `SELECT type FROM outbox WHERE aggregate_id = $1 AND relayed_at IS NOT NULL ORDER BY relayed_at`,
        [aggregateId],
      )
    ).map(({ type }) => type);
  const applied = async (messageId: string) =>
    (await world.rows(`SELECT FROM outbox WHERE id = $1 AND applied_at IS NOT NULL`, [messageId])).length;

  it('is not sent by this build’s relay, which sends all others', async () => {
    const [{ reservationId, messageId }, other] = [await newerMessage(), await newerMessage()];
    await handBack(other.messageId);
    await drain();
    expect(await sent(reservationId)).toEqual([]);
    expect(await sent(other.reservationId)).toEqual(['reservation.created']);

    await handBack(messageId);
    await drain();
    expect(await sent(reservationId)).toEqual(['reservation.created']);
  });

  it('blocks the next message of its aggregate', async () => {
    const { reservationId, messageId } = await newerMessage();
    await world.reservations.extend(reservationId, 900, shop);
    await drain();
    expect(await sent(reservationId)).toEqual([]);

    await handBack(messageId);
    await drain();
    expect(await sent(reservationId)).toEqual(['reservation.created', 'reservation.extended']);
  });

  it('is neither applied nor parked when a newer relay sends it, and is applied once by the newer build', async () => {
    const { reservationId, messageId } = await newerMessage();
    const job = { name: newType, data: { messageId, aggregateId: reservationId } };
    const { events } = consumersOf(world);
    for (const starts of [1, 2, 3, 4]) await events({ ...job, starts });

    expect(await applied(messageId)).toBe(0);
    expect((await listDeadLetters(world.db, 100, null)).map(({ id }) => id)).not.toContain(messageId);

    await handBack(messageId);
    for (let copies = 0; copies < 2; copies++)
      await events({ ...job, name: 'reservation.created', starts: 1 });
    expect(await applied(messageId)).toBe(1);
  });
});
