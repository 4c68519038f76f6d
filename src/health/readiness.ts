import { Inject, Injectable } from '@nestjs/common';
import { aliveSeconds } from '../orders/checkout-saga/old-workers';
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

/** Below the second after which a load balancer gives up. */
const answerWithinMs = 800;
const silentDetail = `PostgreSQL did not answer within ${answerWithinMs} ms. Check the server, or where DATABASE_URL leads.`;

/** Whether this process can take orders, and what is degraded. */
@Injectable()
export class Readiness {
  constructor(
    private readonly db: Database,
    private readonly queues: Queues,
    private readonly tasks: PeriodicTasks,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** One at a time: a silent database keeps each of them until a statement's timeout. */
  private looking: Promise<Degraded[]> | undefined;

  /**
   * Throws 503 where orders cannot be taken: without PostgreSQL, without its schema, while it is read-only, or when it does
   * not answer within a second.
   */
  async check(): Promise<Degraded[]> {
    const [database, queue] = await Promise.all([this.lookInTime(), this.queues.trouble()]);
    return [
      ...(queue ? [{ part: `queue (${this.queues.backend})`, detail: queue }] : []),
      ...this.tasks.failing().map((task) => degraded(task, 'this API')),
      ...database,
    ];
  }

  private async lookInTime(): Promise<Degraded[]> {
    this.looking ??= this.lookAtDatabase().finally(() => (this.looking = undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(unavailable(silentDetail)), answerWithinMs);
    });
    return Promise.race([this.looking, late]).finally(() => clearTimeout(timer));
  }

  private async lookAtDatabase(): Promise<Degraded[]> {
    await this.refuseWithoutDatabase();
    const timeouts = await timeoutTrouble(this.config, (sql, parameters) => this.db.rows(sql, parameters));
    return [
      ...(timeouts ? [{ part: 'database', detail: timeouts }] : []),
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
