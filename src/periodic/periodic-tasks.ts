import { Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { isDatabaseAway } from '../database/pg-errors';

/** A task that failed this often in a row is failing: a lost race or a slow moment is over by then. */
const failingAfter = 3;
/** The pause after a first failure. */
const failurePauseMs = 1_000;
/** The longest pause: an expiry is promised within 5 s, also right after an outage. */
const failurePauseMsMax = 2_000;
/** How often a task that keeps failing is logged. */
const logEveryMs = 60_000;
/** Enough to recognise an error. */
const errorLengthMax = 200;

const failuresTotal = new Counter({
  name: 'holdfast_periodic_task_failures_total',
  help: 'Rounds of a periodic task that failed.',
  labelNames: ['task'],
});
const consecutiveFailures = new Gauge({
  name: 'holdfast_periodic_task_consecutive_failures',
  help: 'Failures of a periodic task since it last succeeded, without those while PostgreSQL was away.',
  labelNames: ['task'],
});

export interface PeriodicTaskOptions {
  name: string;
  /** From the end of one round to the start of the next. Left out: it runs when it is woken. */
  everyMs?: number | (() => number);
  /** Before the first round; none if left out. */
  firstAfterMs?: number;
  /** One round. It may return how many milliseconds it is until the next. */
  run: () => Promise<number | void>;
}

/** As the table `workers` keeps it and the dashboard shows it. */
export interface FailingTask {
  name: string;
  failures: number;
  failingSince: string;
  error: string;
}

/**
 * Work that repeats and never overlaps.
 *
 * stopped → start → waiting ⇄ running; stop → stopped, once a running round has ended. A task without an interval waits to
 * be woken; a wake-up during a round, or during a pause that the round asked for, is not kept. A failed round is tried
 * again after a pause that grows a little. While PostgreSQL is away every task fails, so those failures do not make a
 * task failing: /health/ready reports the outage itself.
 */
export class PeriodicTask {
  private readonly logger = new Logger('tasks');
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  /** Grows with each start and stop, so that a round of an earlier start schedules nothing. */
  private generation = 0;
  private started = false;
  /** Nothing runs and nothing is scheduled. */
  private isIdle = false;
  private failures = 0;
  private failingSince: Date | undefined;
  private error = '';
  private databaseWasAway = false;
  /** The end of its last round that did not fail, by `performance.now()`. */
  succeededAt: number | undefined;
  private loggedAt = -Infinity;

  constructor(private readonly options: PeriodicTaskOptions) {
    consecutiveFailures.set({ task: options.name }, 0);
  }

  start(): this {
    if (this.started) return this;
    this.started = true;
    this.isIdle = this.options.everyMs === undefined;
    this.generation += 1;
    if (!this.isIdle) this.schedule(this.options.firstAfterMs ?? 0, this.generation);
    return this;
  }

  /** Runs a task without an interval, unless it is running or pausing. */
  wake(): void {
    if (!this.started || !this.isIdle) return;
    this.isIdle = false;
    this.schedule(0, this.generation);
  }

  /** Resolves when the round that is running, if any, has ended. */
  async stop(): Promise<void> {
    this.started = false;
    this.generation += 1;
    clearTimeout(this.timer);
    await this.running;
  }

  /** Its failure, once it has failed several times in a row. */
  failing(): FailingTask | undefined {
    const { failures, failingSince, error } = this;
    if (failures < failingAfter || !failingSince) return undefined;
    return { name: this.options.name, failures, failingSince: failingSince.toISOString(), error };
  }

  private schedule(afterMs: number, generation: number): void {
    this.timer = setTimeout(() => {
      // After a quick stop and start, the round of the earlier start may still be running.
      this.running = this.running
        .then(() => (generation === this.generation ? this.round() : 0))
        .then((nextMs) => {
          if (generation !== this.generation) return;
          this.isIdle = nextMs === undefined;
          if (nextMs !== undefined) this.schedule(nextMs, generation);
        });
    }, afterMs);
  }

  /** Resolves with the time until the next round, also after a failure; undefined: when it is woken. */
  private async round(): Promise<number | undefined> {
    const { run, everyMs } = this.options;
    let pauseMs: number | undefined;
    let nextMs: number | void = undefined;
    try {
      nextMs = await run();
      this.succeeded();
    } catch (error) {
      pauseMs = this.failed(error as Error);
    }
    const regularMs = typeof everyMs === 'function' ? everyMs() : everyMs;
    if (nextMs !== undefined) return nextMs;
    return regularMs === undefined ? pauseMs : Math.max(regularMs, pauseMs ?? 0);
  }

  private succeeded(): void {
    this.succeededAt = performance.now();
    if (this.failures > 0)
      this.logger.log(`${this.options.name} succeeded again after ${this.failures} failures`);
    else if (this.databaseWasAway) this.logger.log(`${this.options.name} goes on, PostgreSQL is back`);
    this.failures = 0;
    this.failingSince = undefined;
    this.databaseWasAway = false;
    this.loggedAt = -Infinity;
    consecutiveFailures.set({ task: this.options.name }, 0);
  }

  private failed(error: Error): number {
    const { name } = this.options;
    failuresTotal.inc({ task: name });
    if (isDatabaseAway(error)) {
      if (!this.databaseWasAway) this.logger.warn(`${name} waits for PostgreSQL: ${error.message}`);
      this.databaseWasAway = true;
      return failurePauseMs;
    }
    this.failures += 1;
    this.failingSince ??= new Date();
    this.error = error.message.slice(0, errorLengthMax);
    consecutiveFailures.set({ task: name }, this.failures);
    if (this.failures === failingAfter || performance.now() - this.loggedAt >= logEveryMs) {
      this.loggedAt = performance.now();
      if (this.failures < failingAfter) this.logger.warn(`${name} failed: ${error.message}`);
      else this.logger.error(`${name} failed ${this.failures} times in a row: ${error.message}`);
    }
    return Math.min(failurePauseMs * 2 ** (this.failures - 1), failurePauseMsMax);
  }
}

/** The periodic tasks of this process, for reports on them. */
@Injectable()
export class PeriodicTasks {
  private readonly tasks: PeriodicTask[] = [];

  start(options: PeriodicTaskOptions): PeriodicTask {
    const task = new PeriodicTask(options);
    this.tasks.push(task);
    return task.start();
  }

  failing(): FailingTask[] {
    return this.tasks.flatMap((task) => task.failing() ?? []);
  }
}
