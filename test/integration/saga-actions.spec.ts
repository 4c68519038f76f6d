import { newId, publicId } from '../../src/ids';
import type { SagaAction } from '../../src/orders/saga-actions/saga-actions';
import { Checkout } from '../support/checkouts';
import { outcomeOf, createWorld, expectInvariants, operator, type World } from '../support/fixtures';
import { passTime, sagaOf, timelineOf } from '../support/sagas';
import { silence, notDone } from '../support/scripted-gateway';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const acts: readonly SagaAction[] = ['retry', 'compensate', 'resolve'];
const colleague = { name: 'colleague', role: 'admin' } as const;

const ask = (
  act: SagaAction,
  orderId: string,
  { reason = 'customer called', key }: { reason?: string; key?: string } = {},
  actor: typeof operator | typeof colleague = operator,
) => world.sagaActions.perform(act, orderId, { reason, key }, actor);

const unheard = async (kind: 'authorize' | 'capture' = 'authorize') =>
  (await Checkout.start(world)).driveWhile({ [kind]: 'answer lost' });

const actionsOn = (orderId: string) =>
  world.rows<{ action: string; actor: string; reason: string; before: object; after: object }>(
    `SELECT action, actor, reason, before, after FROM admin_actions
      WHERE object_type = 'order' AND object_id = $1 ORDER BY id`,
    [publicId('ord', orderId)],
  );
const actedOn = async (orderId: string) => (await actionsOn(orderId)).map(({ action }) => action);
const causesOf = async (orderId: string, cause: string) =>
  (await timelineOf(world, orderId)).filter((line) => line.includes(` ${cause}`));

describe('a saga action', () => {
  it.each([
    ['retry', 'retried', { status: 'running', step: 'authorize-payment', attempt: 1, endsAs: null }],
    [
      'compensate',
      'compensated-by-hand',
      { status: 'compensating', step: 'authorize-payment', attempt: 0, endsAs: 'cancelled' },
    ],
    [
      'resolve',
      'given-up',
      { status: 'compensating', step: 'authorize-payment', attempt: 0, endsAs: 'abandoned' },
    ],
  ] as const)('is recorded with actor, reason, before and after (%s)', async (act, cause, after) => {
    const { orderId } = await (await unheard()).spendAttempts();
    await passTime(world, orderId);
    await world.runner({ gateway: world.gateway.expect('authorize', silence) }).drive(orderId);
    const neighbour = await unheard();

    await ask(act, orderId, { reason: 'the bank says so' }, colleague);

    const before = { status: 'stuck', step: 'authorize-payment', attempt: 10, endsAs: null };
    expect(await actionsOn(orderId)).toEqual([
      { action: `saga.${act}`, actor: 'colleague', reason: 'the bank says so', before, after },
    ]);
    expect(await causesOf(orderId, cause)).toHaveLength(1);
    expect((await sagaOf(world, orderId)).lastError).toBe(`${act} by colleague: the bank says so`);
    expect(await actedOn(neighbour.orderId)).toEqual([]);
  });

  it.each(acts)('is done once when copies with one key arrive at once (%s)', async (act) => {
    const { orderId } = await unheard();
    const key = newId();

    const replayed = await Promise.all(Array.from({ length: 50 }, () => ask(act, orderId, { key })));

    expect(replayed.filter(Boolean)).toHaveLength(49);
    expect(await actedOn(orderId)).toEqual([`saga.${act}`]);
    expect((await timelineOf(world, orderId)).slice(3)).toHaveLength(1);
  });

  it.each([
    ['retry', 'ok', 2],
    ['compensate', 'saga_goes_back', 1],
    ['resolve', 'saga_not_stuck', 1],
  ] as const)('without a key is decided again the second time (%s: %s)', async (act, second, times) => {
    const { orderId } = await unheard();
    expect(await outcomeOf(ask(act, orderId))).toBe('ok');
    expect(await outcomeOf(ask(act, orderId))).toBe(second);
    expect(await actedOn(orderId)).toEqual(Array(times).fill(`saga.${act}`));
  });

  it('is replayed under its key after the saga has ended', async () => {
    const checkout = await unheard();
    const key = newId();
    expect(await ask('retry', checkout.orderId, { key })).toBe(false);
    await checkout.driveToItsEnd();

    expect(await checkout.saga()).toMatchObject({ status: 'completed' });
    expect(await ask('retry', checkout.orderId, { key })).toBe(true);
    expect(await outcomeOf(ask('retry', checkout.orderId))).toBe('saga_settled');
  });

  it('answers idempotency_key_reused for a key that was used with another reason', async () => {
    const { orderId } = await unheard();
    const key = newId();
    await ask('retry', orderId, { key });
    expect(await outcomeOf(ask('retry', orderId, { key, reason: 'another reason' }))).toBe(
      'idempotency_key_reused',
    );
    expect(await actedOn(orderId)).toEqual(['saga.retry']);
  });

  it('has keys scoped by action, order and operator', async () => {
    const [{ orderId }, other] = [await unheard(), await unheard()];
    const key = newId();
    const answers = [
      await ask('retry', orderId, { key }),
      await ask('retry', other.orderId, { key }),
      await ask('retry', orderId, { key }, colleague),
      await ask('compensate', orderId, { key }),
    ];
    expect(answers).toEqual([false, false, false, false]);
    expect(await actedOn(orderId)).toEqual(['saga.retry', 'saga.retry', 'saga.compensate']);
  });

  it.each(acts)('leaves its key free when it is refused (%s)', async (act) => {
    const { orderId } = await unheard();
    const key = newId();
    const lease = (ends: string) =>
      world.rows(`UPDATE sagas SET lease_expires_at = clock_timestamp() + $2::interval WHERE order_id = $1`, [
        orderId,
        ends,
      ]);
    await lease('1 minute');
    expect(await outcomeOf(ask(act, orderId, { key }))).toBe('saga_driven');
    expect(await actedOn(orderId)).toEqual([]);

    await lease('-1 second');
    expect(await ask(act, orderId, { key })).toBe(false);
    expect(await actedOn(orderId)).toEqual([`saga.${act}`]);
  });

  it.each(acts)('answers order_not_found for an unknown order (%s)', async (act) => {
    expect(await outcomeOf(ask(act, newId()))).toBe('order_not_found');
  });

  it('is refused for a newer code version before any other check', async () => {
    const { orderId } = await (await Checkout.start(world)).driveWhile({});
    await world.rows(`UPDATE sagas SET code_version = code_version + 1 WHERE order_id = $1`, [orderId]);
    for (const act of acts) expect(await outcomeOf(ask(act, orderId))).toBe('unavailable');
    expect(await actedOn(orderId)).toEqual([]);
  });
});

describe('a retry', () => {
  it('calls the provider at once, with the same key and new attempts', async () => {
    const orderId = await world.order();
    world.gateway.expect('authorize', silence);
    await world.runner().drive(orderId);
    await world.rows(`UPDATE sagas SET attempt = 10, status = 'stuck' WHERE order_id = $1`, [orderId]);

    await ask('retry', orderId);
    world.gateway.expect('authorize', silence);
    await world.runner().drive(orderId);

    expect(await sagaOf(world, orderId)).toMatchObject({ status: 'running', attempt: 2, nextRun: 'waits' });
    expect(new Set(world.gateway.keys('authorize', publicId('ord', orderId))).size).toBe(1);
    world.gateway.expectSpoken();
  });

  it('does not forget that the capture was requested', async () => {
    const checkout = await unheard('capture');
    await ask('retry', checkout.orderId);
    await checkout.cancel();
    await checkout.driveToItsEnd();
    // Charged, placed and refunded, because the capture may have been made.
    expect(await checkout.end()).toEqual({
      order: 'cancelled',
      reservation: 'returned',
      kept: 0,
      setAside: 0,
    });
  });
});

describe('an order that an operator compensates', () => {
  it('has its unknown capture retried first, then refunded', async () => {
    const checkout = await unheard('capture');
    await ask('compensate', checkout.orderId);
    expect(await checkout.end()).toEqual({
      order: 'pending',
      reservation: 'pinned',
      kept: 1_000,
      setAside: 0,
    });

    await checkout.driveToItsEnd();

    expect(checkout.gateway.done.map(({ kind }) => kind)).toEqual(['authorize', 'capture', 'refund']);
    expect(await timelineOf(world, checkout.orderId)).toEqual([
      'reserve-stock accepted → running',
      'authorize-payment asked',
      'authorize-payment done',
      'capture-payment asked',
      'capture-payment unknown',
      'capture-payment compensated-by-hand → compensating',
      'capture-payment asked',
      'capture-payment asked',
      'capture-payment done',
      'authorize-payment done',
      'reserve-stock done → compensated',
    ]);
    expect(await checkout.end()).toMatchObject({
      order: 'rejected (cancelled)',
      reservation: 'released',
      kept: 0,
    });
  });

  it('has its authorization voided when the capture turns out to be declined', async () => {
    const checkout = await Checkout.start(world, { declines: { capture: true } });
    await checkout.driveWhile({ capture: 'answer lost' });
    await ask('compensate', checkout.orderId);
    await checkout.driveToItsEnd();
    expect(checkout.gateway.done.map(({ kind }) => kind)).toEqual(['authorize', 'void']);
    expect(await checkout.end()).toMatchObject({ order: 'rejected (cancelled)', reservation: 'released' });
  });

  it('keeps its stock until its money is refunded', async () => {
    const checkout = await unheard('capture');
    await ask('compensate', checkout.orderId);
    await checkout.driveWhile({ refund: 'question lost' });
    expect(await checkout.end()).toMatchObject({ order: 'pending', reservation: 'pinned' });
    await checkout.driveToItsEnd();
    expect(await checkout.available()).toBe(3);
  });
});

/** Stripe forgets a key after 24 hours; a repeated request would authorize a second time. */
describe('an authorization whose key the provider may have forgotten', () => {
  let usual: World;
  beforeEach(async () => {
    usual = world;
    world = await createWorld();
  });
  afterEach(async () => {
    world.gateway.expectSpoken();
    await world.close();
    world = usual;
  });

  async function unheardFor(minutes: number): Promise<string> {
    const orderId = await world.order();
    world.gateway.expect('authorize', silence);
    await world.runner().drive(orderId);
    await world.rows(
      `UPDATE payment_operations SET created_at = created_at - $2::int * interval '1 minute' WHERE order_id = $1`,
      [orderId, minutes],
    );
    await world.rows(`UPDATE sagas SET attempt = 10, status = 'stuck' WHERE order_id = $1`, [orderId]);
    return orderId;
  }

  it.each(acts)('is searched instead of sent again, and breaks no invariant (%s)', async (act) => {
    const orderId = await unheardFor(23 * 60 + 1);
    await ask(act, orderId);
    world.gateway.expectLook(notDone);
    await world.runner().drive(orderId);
    expect(await sagaOf(world, orderId)).toMatchObject({ nextRun: 'waits' });
    expect(world.gateway.looks).toMatchObject([{ kind: 'authorize', authorization: null }]);
    expect(world.gateway.calls).toHaveLength(1);
    await expectInvariants(world);
  });

  it.each(acts)('is retried before that time, and breaks no invariant (%s)', async (act) => {
    const orderId = await unheardFor(22 * 60 + 59);
    await ask(act, orderId);
    world.gateway.expect('authorize', silence);
    await world.runner().drive(orderId);
    expect(await sagaOf(world, orderId)).toMatchObject({
      attempt: act === 'retry' ? 2 : 1,
      nextRun: 'waits',
    });
    await expectInvariants(world);
  });
});
