import { createHash } from 'node:crypto';
import type { Client, Pool, PoolClient, QueryConfig } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { hearClock } from '../clock';
import type { Config } from '../config/config';
import { type TransactionName, failpoint } from '../failpoints';
import { serveCell } from '../ids';
import { type PoolExtras, dataSourceOptions } from './data-source';
import { newestEventAt } from './newest-event';
import { Outage } from './outage';
import {
  asUnavailable,
  asUnavailableAfterCommit,
  isConflict,
  isConnectionLost,
  isNeverSent,
  isReadOnly,
  isSilent,
  isWithoutConnection,
} from './pg-errors';

/** Rows are objects with the columns' names. Cast parameters in the SQL. */
export interface Queryable {
  rows<R>(sql: string, parameters?: unknown[]): Promise<R[]>;
}

/**
 * One transaction, passed as an argument: code without a `tx` cannot write. READ COMMITTED, with the check in the WHERE of
 * the write. `manager` is TypeORM's, for plain inserts and reads.
 */
export class Tx implements Queryable {
  constructor(
    readonly manager: EntityManager,
    private readonly client: PoolClient,
    private readonly statement: Statement,
    readonly isolation: Isolation = 'READ COMMITTED',
  ) {}

  /** See `newest-event.ts`. */
  get newestEventAt(): string | null {
    return newestEventAt(this.client);
  }

  async rows<R>(sql: string, parameters: unknown[] = []): Promise<R[]> {
    return (await this.client.query(this.statement(sql, parameters))).rows as R[];
  }

  /** How many rows the statement changed. A conditional write checks it. */
  async affected(sql: string, parameters: unknown[] = []): Promise<number> {
    return (await this.client.query(this.statement(sql, parameters))).rowCount ?? 0;
  }
}

export type Isolation = 'READ COMMITTED' | 'SERIALIZABLE';

export interface TransactionOptions {
  isolation?: Isolation;
  /**
   * Set only where the transaction claims an idempotency key or is otherwise safe to run twice: when the answer to COMMIT
   * is lost, it runs again and finds what the first run wrote. That run always writes, so that its COMMIT waits for the
   * standby: what it reads may so far exist on the primary alone.
   */
  rerunWhenCommitIsUnknown?: boolean;
}

/** COMMIT was sent and its answer lost. The caller that has the key reads back whether it happened. */
export class CommitUnknown extends Error {
  constructor(override readonly cause: unknown) {
    super('The answer to COMMIT was lost; whether it happened must be read back.');
  }
}

/**
 * Five tries are enough for a queue of rivals to pass; a longer conflict is a design error and should show. On a hot row
 * under SERIALIZABLE, losing is normal: each round has one winner.
 */
const triesMax: Record<Isolation, number> = { 'READ COMMITTED': 5, SERIALIZABLE: 25 };
const backoffMs = 20;
const backoffMsMax = 250;
/** A planned switchover takes five to eight seconds with Patroni; callers are rarely patient for longer. */
const outageMsMax = 10_000;
/** After new connections were read-only too, none is tried for this long: a failover takes longer. */
const readOnlyForMs = 1_000;

/** The database of this cell (see `ids.ts`). Only services, the saga runner, the relay and the sweeper open a transaction. */
export class Database implements Queryable {
  /** By `performance.now()`: until then the database counts as read-only. */
  private readOnlyUntil = 0;

  private readonly statement: Statement;
  private readonly outage: Outage;

  constructor(private readonly dataSource: DataSource) {
    const { extra } = dataSource.options as { extra: PoolExtras };
    this.statement = extra.preparedStatements ? prepared : unnamed;
    const isBack = async () => (await this.readOnlyBecause()) === undefined;
    this.outage = new Outage(Math.min(extra.statement_timeout, outageMsMax), isBack);
  }

  /** One statement outside any transaction. A SELECT sees everything committed before it. */
  async rows<R>(sql: string, parameters: unknown[] = []): Promise<R[]> {
    const run = async () => (await this.pool.query(this.statement(sql, parameters))).rows as R[];
    // A write may have happened although its answer was lost.
    return this.again(run, !writes.test(sql));
  }

  /** Plain reads by entities. Each statement is on its own. */
  async entities<T>(read: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.again(() => read(this.dataSource.manager), true);
  }

  /** Waits for a database that is away, and runs it again where that is right. */
  private async again<T>(run: () => Promise<T>, isRepeatable: boolean): Promise<T> {
    const startedAt = performance.now();
    for (;;)
      try {
        const result = await run();
        this.outage.answered();
        return result;
      } catch (error) {
        if (isSilent(error)) this.closeIdle();
        if (!isRepeatable || !(await this.isBackAfter(error, startedAt))) throw asUnavailable(error);
      }
  }

  /** Waits, where the error is due to an outage, until that is over or was waited for long enough. */
  private async isBackAfter(error: unknown, startedAt: number): Promise<boolean> {
    // While one is on, a pool is exhausted by connections that are not yet made.
    const isAway = isConnectionLost(error) || (this.outage.isOn && isWithoutConnection(error));
    return isAway && (await this.outage.isOver(startedAt, isReadOnly(error)));
  }

  /**
   * Runs `work` in a transaction and commits. When it loses a race or its connection, it runs again from the start, so it
   * must keep nothing from a failed run. `name` names its failpoints.
   */
  async transaction<T>(
    name: TransactionName,
    work: (tx: Tx) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const startedAt = performance.now();
    let mayBeStored = false;
    for (let tries = 1; ; tries++) {
      try {
        const result = await this.runOnce(name, mayBeStored ? writing(work) : work, options.isolation);
        this.outage.wrote();
        await failpoint(`${name}.after-commit`);
        return result;
      } catch (error) {
        mayBeStored ||= error instanceof CommitUnknown;
        const cause = error instanceof CommitUnknown ? error.cause : error;
        const rerun =
          error instanceof CommitUnknown
            ? options.rerunWhenCommitIsUnknown
            : isConflict(error) || (isConnectionLost(error) && !(isReadOnly(error) && this.isReadOnlyNow()));
        if ((rerun || isWithoutConnection(error)) && (await this.isBackAfter(cause, startedAt))) continue;
        if (!rerun || tries >= triesMax[options.isolation ?? 'READ COMMITTED']) {
          if (rerun && isReadOnly(error)) this.readOnlyUntil = performance.now() + readOnlyForMs;
          throw mayBeStored ? asUnavailableAfterCommit(cause) : asUnavailable(cause);
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
      const result = await work(new Tx(runner.manager, client, this.statement, isolation));
      await failpoint(`${name}.before-commit`);
      await runner.commitTransaction().catch((error: unknown) => {
        // guard: commit-may-be-unknown
        throw isConnectionLost(error) && !isNeverSent(error) ? new CommitUnknown(error) : error;
      });
      return result;
    } catch (error) {
      const cause = error instanceof CommitUnknown ? error.cause : error;
      if (isConnectionLost(cause) && !(isReadOnly(cause) && this.isReadOnlyNow())) {
        // Ended, it does not return to the pool: it is broken, silent, or leads to the primary from before a failover.
        // There is no ROLLBACK, which would wait behind a statement without an answer. (`rows` does not need this: the
        // pool closes the connection of a failed query.)
        void (client as unknown as Client | undefined)?.end();
        if (isSilent(cause)) this.closeIdle();
      } else if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
  }

  /** When one connection is silent the others are too, and each would cost its next user a timeout. */
  private closeIdle(): void {
    for (let left = this.pool.idleCount; left > 0; left--)
      this.pool.connect().then(
        (client) => client.release(true),
        () => undefined,
      );
  }

  /**
   * Why the database refuses writes; undefined when it takes them. Tries idle connections until one takes writes or a new
   * one does not, and closes those that do not: they may lead to the primary from before a failover.
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

/** A statement with one of these words is not repeated, even if it only reads. */
const writes = /\b(INSERT|UPDATE|DELETE)\b/;

/** The transaction with a record in the write-ahead log, whatever `work` writes. */
const writing =
  <T>(work: (tx: Tx) => Promise<T>) =>
  async (tx: Tx): Promise<T> => {
    await tx.rows(`SELECT pg_logical_emit_message(true, 'holdfast', 'read back')`);
    return work(tx);
  };

/** These members of all rows, column by column, as `unnest` takes them. */
export const columnsOf = <Row extends object>(rows: readonly Row[], ...names: (keyof Row & string)[]) =>
  names.map((name) => rows.map((row) => row[name]));

/** The database's time, which all processes share: their own clocks differ. */
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
  serveCell(config.cell.number);
  const dataSource = await new DataSource(dataSourceOptions(config, applicationName)).initialize();
  return { db: new Database(dataSource), close: () => dataSource.destroy() };
}

/** A statement as pg takes it. */
type Statement = (text: string, values: unknown[]) => QueryConfig;

const names = new Map<string, string>();

/** Every statement is a constant, so each connection prepares it once and then sends only parameters. */
function prepared(text: string, values: unknown[]): QueryConfig {
  let name = names.get(text);
  if (!name) {
    name = createHash('sha1').update(text).digest('hex');
    names.set(text, name);
  }
  return { name, text, values };
}

/** For poolers that know no prepared statements: PostgreSQL parses and plans the statement each time. */
const unnamed: Statement = (text, values) => ({ text, values });
