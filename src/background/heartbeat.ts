import { Injectable, Logger } from '@nestjs/common';
import { hearClock } from '../clock';
import { Database } from '../database/database';
import { codeVersion } from '../orders/checkout-saga/code-version';
import { workerName } from '../orders/checkout-saga/saga-update';
import { type PeriodicTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { Queues } from '../queue/queues';
import { serviceVersion } from '../version';

const everyMs = 5_000;

/**
 * Reports every few seconds that this worker is alive and which queues it consumes: the only way to know an idle worker
 * from one that hangs. Sagas do not depend on it; they have leases.
 */
@Injectable()
export class Heartbeat {
  private readonly logger = new Logger('heartbeat');
  private startedAt: Date | undefined;
  private beating: PeriodicTask | undefined;

  constructor(
    private readonly db: Database,
    private readonly queues: Queues,
    private readonly tasks: PeriodicTasks,
  ) {}

  start(): void {
    this.beating = this.tasks.start({ name: 'heartbeat', everyMs, run: () => this.beat() });
  }

  /** The consumers have just started; the next regular beat may be seconds away. */
  async beatNow(): Promise<void> {
    await this.quietly(this.beat());
  }

  /** Shutting down: no more jobs are taken, and those in progress end. */
  async stop(): Promise<void> {
    await this.beating?.stop();
    await this.quietly(this.beat({ stopping: true }));
  }

  async forget(): Promise<void> {
    await this.quietly(this.db.rows(`DELETE FROM workers WHERE id = $1::text`, [workerName]));
  }

  async beat({ stopping = false } = {}): Promise<void> {
    const facts = { queues: this.queues.running(), version: serviceVersion, codeVersion };
    const [row] = await this.db.rows<{ startedAt: Date; now: Date }>(
      `
      INSERT INTO workers (id, started_at, beat_at, stopping, facts, failing_tasks)
      SELECT $1::text, coalesce($2::timestamptz, statement_timestamp()), statement_timestamp(), $3::boolean, $4::jsonb,
             $5::jsonb
          ON CONFLICT (id) DO UPDATE
         SET started_at = excluded.started_at, beat_at = excluded.beat_at, stopping = excluded.stopping,
             facts = excluded.facts, failing_tasks = excluded.failing_tasks
      RETURNING started_at AS "startedAt", beat_at AS now
      `,
      [
        workerName,
        this.startedAt ?? null,
        stopping,
        JSON.stringify(facts),
        JSON.stringify(this.tasks.failing()),
      ],
    );
    this.startedAt = row!.startedAt;
    hearClock(row!.now);
  }

  /** A process that ends while its database is away simply stops beating. */
  private async quietly(write: Promise<unknown>): Promise<void> {
    await write.catch((error: Error) => this.logger.debug(`no heartbeat: ${error.message}`));
  }
}
