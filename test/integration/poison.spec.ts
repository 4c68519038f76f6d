import { sagaEvents } from '../../src/orders/checkout-saga/saga-metrics';
import { SagaRunner } from '../../src/orders/checkout-saga/saga-runner';
import { DueSagas } from '../../src/background/due-sagas';
import type { Queues } from '../../src/queue/queues';
import { createWorld, expectInvariants, operator, until, type World } from '../support/fixtures';
import { databaseThatDiesAfter, endOf, LedgerGateway, passTime, sagaOf } from '../support/sagas';

/** A saga that kills every worker that drives it. */

let world: World;
beforeEach(async () => (world = await createWorld()));
afterEach(async () => {
  await expectInvariants(world);
  await world.close();
});

const sweeperOf = (runner: Pick<SagaRunner, 'drive'>) => {
  const withPlaces = runner instanceof SagaRunner ? runner : ({ places: 25, ...runner } as SagaRunner);
  return new DueSagas(world.config, world.db, withPlaces, world.queues as unknown as Queues);
};

const healthy = () => sweeperOf(world.runner({ gateway: new LedgerGateway() }));

/** One pass of a worker that survives it. */
async function sweep(sweeper = healthy()): Promise<void> {
  await sweeper.sweep();
  await sweeper.idle();
}

/** A separate worker that handles all orders but dies with this one after a number of its commits. */
async function sweepAndDie(poison: string, commits: number): Promise<void> {
  const { db, crashed } = databaseThatDiesAfter(commits, world.db);
  const doomed = world.runner({ db, gateway: new LedgerGateway() });
  const sound = world.runner({ gateway: new LedgerGateway() });
  const others: Promise<boolean>[] = [];
  void sweeperOf({
    drive: (orderId) => {
      if (orderId === poison) return doomed.drive(orderId);
      others.push(sound.drive(orderId));
      return others.at(-1)!;
    },
  }).sweep();
  await crashed;
  await Promise.all(others);
  await passTime(world, poison);
}

const sweepsOf = async (orderId: string) =>
  (await world.row<{ sweeps: number }>(`SELECT sweeps FROM sagas WHERE order_id = $1`, [orderId])).sweeps;

const setSweeps = (orderId: string, sweeps: number) =>
  world.rows(`UPDATE sagas SET sweeps = $2 WHERE order_id = $1`, [orderId, sweeps]);

const stuckSagas = async () =>
  (await sagaEvents.get()).values.find(({ labels }) => labels.event === 'stuck')?.value ?? 0;

describe('a saga that kills its workers', () => {
  it.each([
    ['before they call the provider', 0],
    ['during the authorization', 1],
    ['during the capture', 2],
  ])(
    '%s becomes stuck after five of them, visible to operators, while others continue',
    async (_, commits) => {
      const poison = await world.order();
      const before = await stuckSagas();
      const others: string[] = [];
      for (let worker = 1; worker <= 5; worker++) {
        others.push(await world.order());
        await sweepAndDie(poison, Math.min(commits, worker === 1 ? commits : 1));
        expect(await sagaOf(world, poison)).toMatchObject({ status: 'running', nextRun: 'due' });
      }
      await sweep();

      expect(await sagaOf(world, poison)).toMatchObject({ status: 'stuck', nextRun: 'never', leased: false });
      expect((await sagaOf(world, poison)).lastError).toContain('did not come back');
      expect(await stuckSagas()).toBe(before + 1);
      for (const other of others) expect(await endOf(world, other)).toMatchObject({ order: 'placed' });
    },
  );

  it('is driven by neither sweepers nor wake-up jobs once it is stuck', async () => {
    const poison = await world.order();
    await setSweeps(poison, 5);
    await sweep();
    const parked = await sagaOf(world, poison);
    expect(parked.status).toBe('stuck');

    await sweep();
    expect(await world.runner().drive(poison)).toBe(false);
    expect(await sagaOf(world, poison)).toEqual(parked);
    expect(world.gateway.calls).toEqual([]);
  });

  it('starts with a new count when an operator retries it', async () => {
    const poison = await world.order();
    await setSweeps(poison, 5);
    await sweep();
    await world.sagaActions.perform('retry', poison, { reason: 'mended' }, operator);
    expect(await sweepsOf(poison)).toBe(0);
    await sweepAndDie(poison, 0);
    expect(await sagaOf(world, poison)).toMatchObject({ status: 'running' });
    await sweep();
    expect(await endOf(world, poison)).toMatchObject({ order: 'placed' });
  });

  it('is rejected when it is retried after its reservation expired', async () => {
    const poison = await world.order();
    await setSweeps(poison, 5);
    await sweep();
    await world.rows(
      `UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second' WHERE order_id = $1`,
      [poison],
    );
    await world.reservations.expireDue();
    expect(await endOf(world, poison)).toEqual({ order: 'pending', reservation: 'expired', reserved: 0 });

    await world.sagaActions.perform('retry', poison, { reason: 'mended' }, operator);
    await sweep();
    expect(await endOf(world, poison)).toMatchObject({ order: 'rejected (reservation_expired)' });
  });

  it('keeps its count when a worker finds it leased', async () => {
    const poison = await world.order();
    await setSweeps(poison, 4);
    const holder = await world.session();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM sagas WHERE order_id = $1 FOR UPDATE', [poison]);
    const found: Promise<boolean>[] = [];
    const sweeper = sweeperOf({
      drive: (orderId) => {
        found.push(world.runner().drive(orderId));
        return found.at(-1)!;
      },
    });
    const swept = sweeper.sweep();
    await Promise.race([swept, until(async () => found.length > 0)]);
    expect(await Promise.all(found)).not.toContain(true);
    // The worker that held the lease dies with its transaction.
    await holder.query('ROLLBACK');
    await swept;
    await sweeper.idle();

    expect(await sweepsOf(poison)).toBe(4);
  });
});

describe('a saga that may kill its workers', () => {
  /** Sagas with these counts of sweeps, in the order in which they became due. */
  async function dueAfter(...sweeps: number[]): Promise<string[]> {
    const orders: string[] = [];
    for (const [nth, count] of sweeps.entries()) {
      const orderId = await world.order();
      await world.rows(
        `UPDATE sagas SET sweeps = $2, next_run_at = clock_timestamp() - $3::int * interval '1 second' WHERE order_id = $1`,
        [orderId, count, 20 - nth],
      );
      orders.push(orderId);
    }
    return orders;
  }

  /** A runner whose drives end when the test says so. */
  class Watched {
    readonly begun: string[] = [];
    private readonly ends = new Map<string, () => void>();

    drive = (orderId: string) => {
      this.begun.push(orderId);
      return new Promise<boolean>((resolve) => this.ends.set(orderId, () => resolve(true)));
    };

    end(...orders: string[]): void {
      for (const orderId of orders) this.ends.get(orderId)!();
    }
  }

  it('is driven alone after all others, so that it kills no other saga’s drive', async () => {
    const [first, usual, second, late] = await dueAfter(2, 0, 4, 1);
    const runner = new Watched();
    const swept = sweeperOf(runner).sweep();

    await until(async () => runner.begun.length >= 2);
    expect(runner.begun).toEqual([usual, late]);
    runner.end(usual!);
    await world.rows('SELECT 1');
    expect(runner.begun).toEqual([usual, late]);
    runner.end(late!);

    await until(async () => runner.begun.length === 3);
    await world.rows('SELECT 1');
    expect(runner.begun).toEqual([usual, late, first]);
    // Its sweep is counted, and no other saga's.
    expect([await sweepsOf(first!), await sweepsOf(second!)]).toEqual([3, 4]);
    runner.end(first!);
    await until(async () => runner.begun.length === 4);
    expect(runner.begun[3]).toBe(second);
    runner.end(second!);
    await swept;
  });

  it('is counted before its work starts', async () => {
    const [orderId] = await dueAfter(0);
    const runner = new Watched();
    await sweeperOf(runner).sweep();
    expect([runner.begun, await sweepsOf(orderId!)]).toEqual([[orderId], 1]);
  });

  it('has its count reset when a worker survives it', async () => {
    const [orderId] = await dueAfter(4);
    const gateway = new LedgerGateway();
    gateway.fails = { authorize: 'question lost' };
    await sweep(sweeperOf(world.runner({ gateway })));
    expect(await sagaOf(world, orderId!)).toMatchObject({ status: 'running', attempt: 1 });
    expect(await sweepsOf(orderId!)).toBe(0);
  });

  it('has its count reset when its step throws, which costs an attempt instead', async () => {
    const [orderId] = await dueAfter(4);
    const gateway = new LedgerGateway();
    gateway.whileAsked = () => Promise.reject(new Error('a bug in a step'));
    await sweep(sweeperOf(world.runner({ gateway })));
    expect(await sagaOf(world, orderId!)).toMatchObject({ status: 'running', attempt: 1, nextRun: 'waits' });
    expect(await sweepsOf(orderId!)).toBe(0);
  });
});
