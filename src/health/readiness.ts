import { Inject, Injectable } from '@nestjs/common';
import { aliveSeconds } from '../background/heartbeat';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { readOnlyDetail } from '../database/pg-errors';
import { timeoutTrouble } from '../database/session';
import { unavailable } from '../errors';
import { type FailingTask, PeriodicTasks } from '../periodic/periodic-tasks';
import { Queues } from '../queue/queues';

export interface Degraded {
  part: string;
  detail: string;
}

/** The schema lacks a table or a column that this build reads. */
const notMigrated = new Set(['42P01', '42703']);

const remedies = {
  standby: 'It is a standby: promote it, or point DATABASE_URL to the primary.',
  setting: 'Set default_transaction_read_only to off for the server, the database and the role.',
};

/** Whether this process can take orders, and what is degraded. */
@Injectable()
export class Readiness {
  constructor(
    private readonly db: Database,
    private readonly queues: Queues,
    private readonly tasks: PeriodicTasks,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Throws 503 where orders cannot be taken: without PostgreSQL, without its schema, or while it is read-only. */
  async check(): Promise<Degraded[]> {
    await this.refuseWithoutDatabase();
    const trouble = await this.queues.trouble();
    const timeouts = await timeoutTrouble(this.config, (sql, parameters) => this.db.rows(sql, parameters));
    return [
      ...(timeouts ? [{ part: 'database', detail: timeouts }] : []),
      ...(trouble ? [{ part: `queue (${this.queues.backend})`, detail: trouble }] : []),
      ...this.tasks.failing().map((task) => degraded(task, 'this API')),
      ...(await this.failingInWorkers()),
    ];
  }

  private async refuseWithoutDatabase(): Promise<void> {
    try {
      await this.db.rows('SELECT sku FROM products LIMIT 1');
    } catch (error) {
      throw explained(error);
    }
    const because = await this.db.readOnlyBecause();
    // guard: read-only-is-not-ready
    if (because) throw unavailable(`${readOnlyDetail} ${remedies[because]}`);
  }

  /** Failing tasks of living workers. */
  private async failingInWorkers(): Promise<Degraded[]> {
    const workers = await this.db
      .rows<{ id: string; failingTasks: FailingTask[] }>(
        `
        SELECT id, failing_tasks AS "failingTasks"
          FROM workers
         WHERE beat_at > clock_timestamp() - $1::int * interval '1 second' AND failing_tasks <> '[]'
         ORDER BY id
        `,
        [aliveSeconds],
      )
      .catch((error: unknown) => {
        throw explained(error);
      });
    return workers.flatMap(({ id, failingTasks }) => failingTasks.map((task) => degraded(task, id)));
  }
}

function explained(error: unknown) {
  if (notMigrated.has((error as { code?: string }).code ?? ''))
    return unavailable('The database is not migrated. Run: npm run db:migrate');
  return unavailable('PostgreSQL cannot be reached. Check DATABASE_URL and the server.');
}

const degraded = ({ name, failures, failingSince, error }: FailingTask, process: string): Degraded => ({
  part: `task ${name} (${process})`,
  detail: `It failed ${failures} times in a row since ${failingSince}: ${error}`,
});
