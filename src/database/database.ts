import { createHash } from 'node:crypto';
import type { Client, Pool, PoolClient } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { hearClock } from '../clock';
import type { Config } from '../config/config';
import { type TransactionName, failpoint } from '../failpoints';
import { dataSourceOptions } from './data-source';
import { asUnavailable, isConflict, isConnectionLost, isNeverSent, isReadOnly } from './pg-errors';

/** Reads by name of the column; parameters are cast in the SQL. */
export interface Queryable {
  rows<R>(sql: string, parameters?: unknown[]): Promise<R[]>;
}

/**
 * One transaction, handed down as an argument: whoever has no `tx` cannot write.
 *
 * READ COMMITTED, with the check in the WHERE of the write. `manager` is TypeORM's, for plain inserts and reads.
 */
export class Tx implements Queryable {
  constructor(
    readonly manager: EntityManager,
    private readonly client: PoolClient,
    readonly isolation: Isolation = 'READ COMMITTED',
  ) {}

  async rows<R>(sql: string, parameters: unknown[] = []): Promise<R[]> {
    return (await this.client.query(prepared(sql, parameters))).rows as R[];
  }

  /** How many rows the statement changed: what a conditional write is judged by. */
  async affected(sql: string, parameters: unknown[] = []): Promise<number> {
    return (await this.client.query(prepared(sql, parameters))).rowCount ?? 0;
  }
}

export type Isolation = 'READ COMMITTED' | 'SERIALIZABLE';

export interface TransactionOptions {
  isolation?: Isolation;
  /**
   * Set only where the transaction claims an idempotency key or is otherwise harmless to run twice: an unheard answer
   * to COMMIT is then settled by running it again, which finds what the first run left.
   */
  rerunWhenCommitIsUnknown?: boolean;
}

/** COMMIT was sent and its answer lost. Whether it happened is read back by whoever has the key. */
export class CommitUnknown extends Error {
  constructor(override readonly cause: unknown) {
    super('The answer to COMMIT was lost; whether it happened must be read back.');
  }
}

/**
 * Enough for a queue of rivals to pass; a conflict that outlives five tries is a design error and should show. Not so for
 * SERIALIZABLE, where losing is the rule on a hot row and each round has one winner.
 */
const triesMax: Record<Isolation, number> = { 'READ COMMITTED': 5, SERIALIZABLE: 25 };
const backoffMs = 20;
const backoffMsMax = 250;
/** How long new connections are not tried after they were found read-only too: a failover takes longer. */
const readOnlyForMs = 1_000;

/** The door to one cell's database. Only services, the saga runner, the relay and the sweeper open a transaction. */
export class Database implements Queryable {
  /** By `performance.now()`: until then the database is taken for read-only, whatever the connection. */
  private readOnlyUntil = 0;

  constructor(private readonly dataSource: DataSource) {}

  /** One statement outside any transaction. A request's SELECT sees what was committed before it. */
  async rows<R>(sql: string, parameters: unknown[] = []): Promise<R[]> {
    try {
      return (await this.pool.query(prepared(sql, parameters))).rows as R[];
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** Plain reads and inserts by entities. Each statement is on its own. */
  async entities<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await work(this.dataSource.manager);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /**
   * Runs `work` in a transaction and commits it; runs it again, from its start, when it lost a race or its connection.
   * `work` must therefore keep nothing from a failed run. `name` is what its failpoints are called.
   */
  async transaction<T>(
    name: TransactionName,
    work: (tx: Tx) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        const result = await this.runOnce(name, work, options.isolation);
        await failpoint(`${name}.after-commit`);
        return result;
      } catch (error) {
        const rerun =
          error instanceof CommitUnknown
            ? options.rerunWhenCommitIsUnknown
            : isConflict(error) || (isConnectionLost(error) && !(isReadOnly(error) && this.isReadOnlyNow()));
        if (!rerun || tries === triesMax[options.isolation ?? 'READ COMMITTED']) {
          if (rerun && isReadOnly(error)) this.readOnlyUntil = performance.now() + readOnlyForMs;
          throw asUnavailable(error instanceof CommitUnknown ? error.cause : error);
        }
        await new Promise((resolve) =>
          setTimeout(resolve, Math.random() * Math.min(backoffMs * 2 ** tries, backoffMsMax)),
        );
      }
    }
  }

  private async runOnce<T>(
    name: TransactionName,
    work: (tx: Tx) => Promise<T>,
    isolation?: Isolation,
  ): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    let client: PoolClient | undefined;
    try {
      client = (await runner.connect()) as PoolClient;
      await runner.startTransaction(isolation);
      const result = await work(new Tx(runner.manager, client, isolation));
      await failpoint(`${name}.before-commit`);
      await runner.commitTransaction().catch((error: unknown) => {
        // guard: commit-may-be-unknown
        throw isConnectionLost(error) && !isNeverSent(error) ? new CommitUnknown(error) : error;
      });
      return result;
    } catch (error) {
      // A connection that is gone has rolled back by itself, so a failure to say ROLLBACK tells nothing new.
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      // After a failover this connection may still lead to the old primary, which is a standby now: the pool takes back
      // no connection that is ending. (`rows` needs none of this, for the pool closes the connection of a failed query.)
      if (isReadOnly(error) && !this.isReadOnlyNow()) void (client as unknown as Client | undefined)?.end();
      throw error;
    } finally {
      await runner.release();
    }
  }

  /**
   * Why the database takes no writes, if so. Asks on idle connections until one takes writes, or a new one does not, and
   * closes those that do not: they may lead to a server that was the primary before a failover.
   */
  async readOnlyBecause(): Promise<'standby' | 'setting' | undefined> {
    for (;;) {
      const isNew = this.pool.idleCount === 0;
      const reason = await this.askReadOnly();
      if (isNew || reason === undefined) return reason;
    }
  }

  private async askReadOnly(): Promise<'standby' | 'setting' | undefined> {
    let reason: 'standby' | 'setting' | undefined;
    let client: PoolClient | undefined;
    try {
      client = await this.pool.connect();
      const { rows } = await client.query<{ inRecovery: boolean; readOnly: boolean }>(
        `SELECT pg_is_in_recovery() AS "inRecovery", current_setting('transaction_read_only') = 'on' AS "readOnly"`,
      );
      if (rows[0]!.readOnly) reason = rows[0]!.inRecovery ? 'standby' : 'setting';
      client.release(reason !== undefined);
      return reason;
    } catch (error) {
      client?.release(true);
      throw asUnavailable(error);
    }
  }

  private isReadOnlyNow(): boolean {
    return performance.now() < this.readOnlyUntil;
  }

  private get pool(): Pool {
    return (this.dataSource.driver as unknown as { master: Pool }).master;
  }
}

/** What time it is for everybody: rows are compared across processes whose own clocks differ. */
export async function clockOf(queryable: Queryable): Promise<Date> {
  const [row] = await queryable.rows<{ now: Date }>(`SELECT clock_timestamp() AS now`);
  hearClock(row!.now);
  return row!.now;
}

/** For commands and tests; the API and the worker get theirs from Nest. */
export async function openDatabase(
  config: Config,
  applicationName: string,
): Promise<{ db: Database; close: () => Promise<void> }> {
  const dataSource = await new DataSource(dataSourceOptions(config, applicationName)).initialize();
  return { db: new Database(dataSource), close: () => dataSource.destroy() };
}

const names = new Map<string, string>();

/**
 * Every statement here is a constant, so each connection prepares it once and afterwards sends only its parameters.
 * (Behind PgBouncer in transaction mode, set its `max_prepared_statements` above 0.)
 */
function prepared(text: string, values: unknown[]) {
  let name = names.get(text);
  if (!name) {
    name = createHash('sha1').update(text).digest('hex');
    names.set(text, name);
  }
  return { name, text, values };
}
