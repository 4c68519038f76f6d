import { Readiness } from '../../src/health/readiness';
import { PeriodicTasks } from '../../src/periodic/periodic-tasks';
import { Queues } from '../../src/queue/queues';
import { Heartbeat } from '../../src/background/heartbeat';
import { rebalanceAll } from '../../src/inventory/stock/transfers';
import { createWorld, expectInvariants, until, type World } from '../support/fixtures';
import { onSale, stockIn } from '../support/stock-changes';

let world: World;
beforeAll(async () => (world = await createWorld()));
afterEach(() => expectInvariants(world));
afterAll(() => world.close());

const queues = {
  running: () => [],
  trouble: async () => undefined,
  backend: 'postgres',
} as unknown as Queues;

/** The response of /health/ready in a process that runs no tasks. */
const degraded = (config = world.config) =>
  new Readiness(world.db, queues, new PeriodicTasks(), config).check();

describe('a periodic task of a worker that keeps failing', () => {
  let tasks: PeriodicTasks;
  let broken: boolean;
  let stop: () => Promise<void>;
  beforeEach(async () => {
    await world.rows(`DELETE FROM workers`);
    tasks = new PeriodicTasks();
    broken = true;
    const run = async () => {
      if (broken) throw new Error('integer out of range');
    };
    const task = tasks.start({ name: 'rebalance', everyMs: 10, run });
    stop = () => task.stop();
  });
  afterEach(() => stop());

  const beat = () => new Heartbeat(world.db, queues, tasks).beat();

  it('degrades /health/ready with its worker and its error, until it succeeds', async () => {
    await until(async () => tasks.failing().length === 1);
    await beat();

    const { id, failingTasks } = await world.row<{ id: string; failingTasks: unknown }>(
      `SELECT id, failing_tasks AS "failingTasks" FROM workers`,
    );
    expect(failingTasks).toEqual([
      {
        name: 'rebalance',
        failures: expect.any(Number),
        failingSince: expect.stringMatching(/^\d{4}-.*Z$/),
        error: 'integer out of range',
      },
    ]);
    expect(await degraded()).toEqual([
      {
        part: `task rebalance (${id})`,
        detail: expect.stringMatching(/^It failed \d+ times in a row since .*: integer out of range$/),
      },
    ]);

    broken = false;
    await until(async () => tasks.failing().length === 0);
    await beat();
    expect(await degraded()).toEqual([]);
  });

  it('disappears from /health/ready with its worker', async () => {
    await until(async () => tasks.failing().length === 1);
    await beat();
    await world.rows(`UPDATE workers SET beat_at = clock_timestamp() - interval '31 seconds'`);
    expect(await degraded()).toEqual([]);
  });

  it('degrades /health/ready of the API that it runs in', async () => {
    await until(async () => tasks.failing().length === 1);
    const [own] = await new Readiness(world.db, queues, tasks, world.config).check();
    expect(own).toMatchObject({ part: 'task rebalance (this API)' });
  });

  it('is not reported by an earlier build, which writes no failing tasks', async () => {
    await world.rows(
      `INSERT INTO workers (id, started_at, beat_at, facts) VALUES ('old:1', now(), now(), '{"queues":[]}')`,
    );
    expect(await degraded()).toEqual([]);
  });
});

describe('a timeout of PostgreSQL that is missing or longer than ours', () => {
  it('degrades /health/ready with the statement that sets it', async () => {
    expect(await degraded({ ...world.config, databaseLockTimeoutMs: 1 })).toEqual([
      {
        part: 'database',
        detail: expect.stringMatching(
          /: lock_timeout is '\d+'\. .* Run: ALTER ROLE .* SET lock_timeout = '1ms';/,
        ),
      },
    ]);
  });
});

describe('a product that cannot be rebalanced', () => {
  it('does not stop other products, and is named in the failure', async () => {
    const [bad, good] = [await stockIn(world, { a: 10, b: 0 }), await stockIn(world, { a: 10, b: 0 })];
    // The largest value of the column; the missing movement is added below.
    await world.rows(`UPDATE stock_levels SET version = 9223372036854775807 WHERE sku = $1 AND pool = 'a'`, [
      bad,
    ]);

    await expect(rebalanceAll(world.db)).rejects.toThrow(new RegExp(`^${bad}: .*out of range`));
    expect(await onSale(world, good)).toEqual({ a: 5, b: 5 });

    await world.rows(
      `UPDATE stock_levels s SET version = (SELECT max(level_version) FROM stock_movements m WHERE m.sku = s.sku AND m.pool = s.pool)
        WHERE sku = $1 AND pool = 'a'`,
      [bad],
    );
    expect(await rebalanceAll(world.db)).toBe(1);
  });
});
