import { Logger } from '@nestjs/common';
import { register } from 'prom-client';
import { asUnavailable } from '../../src/database/pg-errors';
import { PeriodicTask, PeriodicTasks } from '../../src/periodic/periodic-tasks';
import { seeded } from '../support/seeded';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);
const metric = async (name: string, task: string) => {
  const { values } = (await register.getSingleMetric(name)!.get()) as {
    values: { value: number; labels: { task?: string } }[];
  };
  return values.find(({ labels }) => labels.task === task)?.value;
};

describe('a periodic task', () => {
  it('runs at once, and again after a pause from the end of each round', async () => {
    const starts: number[] = [];
    const run = async () => {
      starts.push(Date.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 30));
    };
    const began = Date.now();
    const task = new PeriodicTask({ name: 'plain', everyMs: 100, run }).start();
    await pass(300);
    await task.stop();
    expect(starts).toEqual([0, 130, 260]);
  });

  it('waits before its first round, and as long as a round returns before the next', async () => {
    const starts: number[] = [];
    const began = Date.now();
    const run = async () => void starts.push(Date.now() - began);
    const every = [10, 20, 40];
    const variable = new PeriodicTask({
      name: 'variable',
      everyMs: () => 1_000,
      firstAfterMs: 5,
      run: async () => {
        await run();
        return every.shift();
      },
    }).start();
    await pass(500);
    await variable.stop();
    expect(starts).toEqual([5, 15, 35, 75]);
  });

  it('without an interval runs when it is woken, and not again for a wake-up during its round', async () => {
    const starts: number[] = [];
    const began = Date.now();
    const run = async () => {
      starts.push(Date.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 30));
    };
    const task = new PeriodicTask({ name: 'woken', run });
    task.wake();
    task.start();
    await pass(100);
    task.wake();
    await pass(10);
    task.wake();
    await pass(100);
    task.wake();
    await pass(100);
    await task.stop();
    task.wake();
    await pass(100);
    expect(starts).toEqual([100, 210]);
  });

  it('without an interval tries again after a failure, and keeps a pause that its round asked for', async () => {
    const starts: number[] = [];
    const began = Date.now();
    const rounds = ['fails', 'pauses', 'succeeds'];
    const run = async () => {
      starts.push(Date.now() - began);
      const how = rounds.shift();
      if (how === 'fails') throw new Error('now and then');
      return how === 'pauses' ? 500 : undefined;
    };
    const task = new PeriodicTask({ name: 'woken-again', run }).start();
    task.wake();
    await pass(1_200);
    // Neither the pause after a failure nor its own is cut short.
    task.wake();
    await pass(2_000);
    await task.stop();
    expect(starts).toEqual([0, 1_000, 1_500]);
  });

  it('waits in stop for the running round, and runs none after it', async () => {
    let ended = 0;
    const run = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      ended += 1;
    };
    const task = new PeriodicTask({ name: 'stopped', everyMs: 10, run }).start();
    await pass(1);
    let stopped = false;
    const stopping = task.stop().then(() => (stopped = true));
    await pass(10);
    expect([stopped, ended]).toEqual([false, 0]);
    await pass(50);
    await stopping;
    await pass(1_000);
    expect(ended).toBe(1);
  });

  it(
    'never overlaps and never runs after a stop under random starts and stops',
    seeded(async (random) => {
      let running = 0;
      let most = 0;
      let rounds = 0;
      const run = async () => {
        rounds += 1;
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, random.integer(0, 20)));
        running -= 1;
        if (random.integer(0, 4) === 0) throw new Error('now and then');
      };
      const task = new PeriodicTask({ name: 'stressed', everyMs: 5, run });
      for (let nth = 0; nth < 300; nth++) {
        if (random.integer(0, 1) === 0) task.start();
        else void task.stop();
        await pass(random.integer(0, 15));
      }
      const stopping = task.stop();
      await pass(50);
      await stopping;
      const roundsAtStop = rounds;
      await pass(5_000);
      expect({ most, running, more: rounds - roundsAtStop }).toEqual({ most: 1, running: 0, more: 0 });
      expect(rounds).toBeGreaterThan(20);
    }),
  );

  it('is failing after three failures in a row, pauses longer, and recovers with one success', async () => {
    const tasks = new PeriodicTasks();
    const starts: number[] = [];
    const began = Date.now();
    let broken = true;
    const run = async () => {
      starts.push(Date.now() - began);
      if (broken) throw new Error(`integer out of range ${'x'.repeat(500)}`);
    };
    const task = tasks.start({ name: 'rebalance', everyMs: 100, run });
    const healthy = tasks.start({ name: 'healthy', everyMs: 100, run: async () => undefined });

    await pass(1_500);
    expect(tasks.failing()).toEqual([]);
    await pass(6_000);
    expect(starts).toEqual([0, 1_000, 3_000, 5_000, 7_000]);
    const [failing, ...others] = tasks.failing();
    expect(others).toEqual([]);
    expect(failing).toEqual({
      name: 'rebalance',
      failures: 5,
      failingSince: new Date(began).toISOString(),
      error: expect.stringMatching(/^integer out of range x+$/),
    });
    expect(failing!.error).toHaveLength(200);
    expect(await metric('holdfast_periodic_task_failures_total', 'rebalance')).toBe(5);
    expect(await metric('holdfast_periodic_task_consecutive_failures', 'rebalance')).toBe(5);

    broken = false;
    await pass(2_000);
    expect(tasks.failing()).toEqual([]);
    expect(await metric('holdfast_periodic_task_failures_total', 'rebalance')).toBe(5);
    expect(await metric('holdfast_periodic_task_consecutive_failures', 'rebalance')).toBe(0);
    await Promise.all([task.stop(), healthy.stop()]);
  });

  it.each(['57P01', '25006', 'ECONNREFUSED'])(
    'is not failing while PostgreSQL is away (%s)',
    async (code) => {
      const tasks = new PeriodicTasks();
      const away = Object.assign(new Error('away'), { code });
      let rounds = 0;
      const run = async () => {
        rounds += 1;
        throw rounds % 2 ? away : asUnavailable(away);
      };
      const task = tasks.start({ name: `away ${code}`, everyMs: 100, run });
      await pass(60_000);
      expect(rounds).toBeGreaterThan(10);
      expect(tasks.failing()).toEqual([]);
      expect(await metric('holdfast_periodic_task_failures_total', `away ${code}`)).toBe(rounds);
      await task.stop();
    },
  );

  it('logs that it goes on when PostgreSQL is back, without a count of failures', async () => {
    const logged = jest.spyOn(Logger.prototype, 'log').mockImplementation();
    let isAway = true;
    const run = async () => {
      if (isAway) throw Object.assign(new Error('away'), { code: '57P01' });
    };
    const task = new PeriodicTask({ name: 'interrupted', everyMs: 100, run }).start();
    await pass(2_500);
    isAway = false;
    await pass(2_500);
    await task.stop();
    expect(logged.mock.calls).toEqual([['interrupted goes on, PostgreSQL is back']]);
    logged.mockRestore();
  });
});
