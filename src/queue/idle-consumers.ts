import { Counter } from 'prom-client';

const rebuilt = new Counter({
  name: 'holdfast_queue_worker_rebuilt_total',
  help: 'Consumers that took no jobs while some waited, and were closed and built again.',
  labelNames: ['queue'],
});

/** A healthy consumer may be about to take what waits; over this many looks in a row it would have. */
const looksMax = 3;

interface Watched {
  name: string;
  active: number;
  /** Jobs that it ever took. */
  taken: number;
}

/**
 * Finds consumers that do nothing although jobs wait. BullMQ waits without a limit where a connection became silent: on
 * Redis for the answer to a fetch, on PostgreSQL for a notification, until the next delayed job is due.
 */
export class IdleConsumers<Consumer extends Watched> {
  /** Looks in a row at which a consumer was idle while jobs waited. */
  private readonly looks = new Map<Consumer, { taken: number; count: number }>();

  constructor(
    private readonly waiting: (consumer: Consumer) => Promise<number>,
    private readonly rebuild: (consumer: Consumer) => Promise<void>,
  ) {}

  /** One look; reports what it does. Of a queue that does not answer nothing is known. */
  async look(consumers: Consumer[], report: (line: string) => void): Promise<void> {
    for (const consumer of consumers) {
      const jobs = consumer.active > 0 ? 0 : await this.waiting(consumer).catch(() => 0);
      if (!this.isIdle(consumer, jobs)) continue;
      const { name } = consumer;
      report(`The consumer of ${name} takes none of ${jobs} waiting jobs, so it is closed and built again.`);
      this.looks.delete(consumer);
      try {
        await this.rebuild(consumer);
        rebuilt.inc({ queue: name });
      } catch (error) {
        report(`The consumer of ${name} could not be built again: ${(error as Error).message}`);
      }
    }
  }

  private isIdle(consumer: Consumer, jobs: number): boolean {
    const { taken, active } = consumer;
    if (jobs === 0 || active > 0) {
      this.looks.delete(consumer);
      return false;
    }
    const last = this.looks.get(consumer);
    const count = last?.taken === taken ? last.count + 1 : 1;
    this.looks.set(consumer, { taken, count });
    return count >= looksMax;
  }
}
