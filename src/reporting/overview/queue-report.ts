import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import { aliveSeconds } from '../../orders/checkout-saga/old-workers';
import { Database } from '../../database/database';
import { type QueueName, Queues, type RunningConsumer, queueNames } from '../../queue/queues';
import { ActivityLog } from '../activity/activity-log';
import { OncePerSecond } from './once';

/** A worker silent for this long is not shown any more. */
const forgottenSeconds = 600;
const seriesSeconds = 60;
const rateSeconds = 10;
/** The rest of the page does not wait longer for a queue that does not answer. */
const patienceMs = 100;

export const boardPath = '/queues/board';

interface QueueCounts {
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
  oldestSeconds: number | null;
}

const notAsked = { waiting: null, active: null, delayed: null, failed: null, oldestSeconds: null };

interface WorkerRow {
  id: string;
  startedAt: Date;
  heartbeatSeconds: number;
  stopping: boolean;
  facts: { queues: RunningConsumer[]; version: string };
}

/** Whether work flows: what waits in the queues, and who is there to do it. */
@Injectable()
export class QueueReport {
  /** A queue that is away answers late; it is asked again soon all the same, for it may be back. */
  private readonly counts = new OncePerSecond(() => this.countAll(), 0.5);

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly queues: Queues,
    private readonly log: ActivityLog,
  ) {}

  /** `now` by the database's clock, as the log was refreshed. */
  async report(now: Date) {
    const [counts, workers] = [await this.counts.soon(patienceMs), await this.workers()];
    const second = Math.floor(now.getTime() / 1_000);
    return {
      object: 'queues' as const,
      backend: this.queues.backend,
      trouble: counts.trouble,
      board: this.config.queuesEnabled ? boardPath : null,
      queues: queueNames.map((name) => ({
        name,
        ...(counts.byName.get(name) ?? notAsked),
        ...this.rateOf(name, second),
        ...consumersOf(name, workers),
      })),
      workers: workers.map(({ facts, startedAt, ...worker }) => ({
        ...worker,
        startedAt: startedAt.toISOString(),
        alive: worker.heartbeatSeconds <= aliveSeconds,
        queues: facts.queues,
        version: facts.version,
      })),
    };
  }

  private async countAll(): Promise<{ trouble: string | null; byName: Map<QueueName, QueueCounts> }> {
    const byName = new Map<QueueName, QueueCounts>();
    if (!this.config.queuesEnabled) return { trouble: 'Queues are switched off (QUEUES=off).', byName };
    let trouble = await this.queues.trouble();
    await Promise.all(
      queueNames.map(async (name) => {
        try {
          byName.set(name, await this.count(name));
        } catch (error) {
          trouble ??= (error as Error).message;
        }
      }),
    );
    return { trouble: trouble ?? null, byName };
  }

  private count(name: QueueName): Promise<QueueCounts> {
    return this.queues.ask(name, async (queue) => {
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed');
      const [oldest] = counts.waiting ? await queue.getJobs(['waiting'], 0, 0, true) : [];
      // A delayed job waits since its time came.
      const since = oldest && oldest.timestamp + (oldest.opts.delay ?? 0);
      return {
        waiting: counts.waiting ?? 0,
        active: counts.active ?? 0,
        delayed: counts.delayed ?? 0,
        failed: counts.failed ?? 0,
        oldestSeconds: since === undefined ? null : Math.max(0, (Date.now() - since) / 1_000),
      };
    });
  }

  private rateOf(name: QueueName, second: number) {
    const doneSeries = Array.from({ length: seriesSeconds }, (_, nth) => {
      const at = second - seriesSeconds + nth;
      return this.log.between(at, at + 1).reduce((sum, { done }) => sum + (done?.[name] ?? 0), 0);
    });
    const donePerSecond = doneSeries.slice(-rateSeconds).reduce((sum, done) => sum + done, 0) / rateSeconds;
    return { donePerSecond, doneSeries };
  }

  private workers(): Promise<WorkerRow[]> {
    return this.db.rows<WorkerRow>(
      `
      SELECT id, started_at AS "startedAt", stopping, facts,
             greatest(0, extract(epoch FROM clock_timestamp() - beat_at))::float8 AS "heartbeatSeconds"
        FROM workers
       WHERE beat_at > clock_timestamp() - $1::int * interval '1 second'
       ORDER BY started_at DESC, id
      `,
      [forgottenSeconds],
    );
  }
}

function consumersOf(name: QueueName, workers: WorkerRow[]) {
  const own = workers.filter(
    ({ facts, heartbeatSeconds }) =>
      heartbeatSeconds <= aliveSeconds && facts.queues.some((queue) => queue.name === name),
  );
  return {
    workersAlive: own.length,
    heartbeatSeconds:
      own.length > 0 ? Math.min(...own.map(({ heartbeatSeconds }) => heartbeatSeconds)) : null,
  };
}
