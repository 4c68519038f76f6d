import { Client } from 'pg';

/** The longest statement that is printed whole; a few more characters never tell two apart. */
const textMax = 110;
const dearestMax = 10;

/** What PostgreSQL has counted so far. */
export interface Reading {
  lsn: string;
  transactions: number;
  statements: Map<string, { text: string; calls: number; ms: number }>;
  rows: Map<string, Record<RowKind, number>>;
}

const rowKinds = ['inserted', 'updated', 'hot', 'deleted'] as const;
type RowKind = (typeof rowKinds)[number];

/** What it did between two readings. */
export interface DatabaseCosts {
  transactions: number;
  /** BEGIN and COMMIT included. Undefined where there is no pg_stat_statements. */
  statements?: { all: number; ofBullMq: number };
  dearest: { text: string; calls: number; ms: number }[];
  /** Undefined where there is no pg_walinspect. */
  walBytes?: { all: number; fullPages: number };
  tables: ({ table: string; walBytes: number } & Record<RowKind, number>)[];
}

/** Reads the counters of PostgreSQL that tell what the service's work costs in one database. */
export class DatabaseMeter {
  private constructor(
    private readonly client: Client,
    private readonly extensions: ReadonlySet<string>,
    /** The names by which its statements are known. */
    private readonly ofBullMq: RegExp,
  ) {}

  static async open(url: string): Promise<DatabaseMeter> {
    const client = new Client({ connectionString: url, application_name: 'bench-meter' });
    await client.connect();
    // In a separate schema, so that nothing of the service finds them.
    await client.query('CREATE SCHEMA IF NOT EXISTS bench');
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM pg_available_extensions WHERE name IN ('pg_stat_statements', 'pg_walinspect')`,
    );
    for (const { name } of rows) await client.query(`CREATE EXTENSION IF NOT EXISTS ${name} SCHEMA bench`);
    const functions = await client.query<{ name: string }>(
      `SELECT DISTINCT p.proname AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'bullmq'`,
    );
    const names = ['bullmq', ...functions.rows.map(({ name }) => name)];
    return new DatabaseMeter(
      client,
      new Set(rows.map(({ name }) => name)),
      new RegExp(`\\b(${names.join('|')})\\b`),
    );
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  async read(): Promise<Reading> {
    const [counted] = await this.rows<{ lsn: string; transactions: string }>(
      `SELECT pg_current_wal_flush_lsn() AS lsn, xact_commit + xact_rollback AS transactions
         FROM pg_stat_database WHERE datname = current_database()`,
    );
    const statements = this.extensions.has('pg_stat_statements')
      ? await this.rows<{ id: string; text: string; calls: string; ms: number }>(
          `SELECT userid || ' ' || queryid AS id, query AS text, calls, total_exec_time AS ms
             FROM bench.pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%bench.%'`,
        )
      : [];
    const tables = await this.rows<{ table: string } & Record<RowKind, string>>(
      `SELECT relid::regclass AS table, n_tup_ins AS inserted, n_tup_upd AS updated, n_tup_hot_upd AS hot,
              n_tup_del AS deleted
         FROM pg_stat_user_tables`,
    );
    return {
      lsn: counted!.lsn,
      transactions: Number(counted!.transactions),
      statements: new Map(
        statements.map(({ id, text, calls, ms }) => [id, { text, calls: Number(calls), ms }]),
      ),
      rows: new Map(
        tables.map(({ table, ...counts }) => [table, eachKind((kind) => Number(counts[kind]))] as const),
      ),
    };
  }

  async between(before: Reading, after: Reading): Promise<DatabaseCosts> {
    const statements = [...after.statements].map(([id, { text, calls, ms }]) => {
      const earlier = before.statements.get(id);
      return { text, calls: calls - (earlier?.calls ?? 0), ms: ms - (earlier?.ms ?? 0) };
    });
    const callsOf = (of: typeof statements) => of.reduce((sum, { calls }) => sum + calls, 0);
    const wal = await this.walByTable(before.lsn, after.lsn);
    const walBytes = wal && (await this.walBetween(before.lsn, after.lsn));
    const ofTables = [...(wal?.values() ?? [])].reduce((sum, bytes) => sum + bytes, 0);
    if (walBytes) wal.set('commits and the like', walBytes.all - ofTables);
    const tables = [...new Set([...after.rows.keys(), ...(wal?.keys() ?? [])])].map((table) => ({
      table,
      walBytes: wal?.get(table) ?? 0,
      ...eachKind((kind) => (after.rows.get(table)?.[kind] ?? 0) - (before.rows.get(table)?.[kind] ?? 0)),
    }));
    return {
      transactions: after.transactions - before.transactions,
      ...(this.extensions.has('pg_stat_statements') && {
        statements: {
          all: callsOf(statements),
          ofBullMq: callsOf(statements.filter(({ text }) => this.ofBullMq.test(text))),
        },
      }),
      dearest: statements
        .sort((one, other) => other.ms - one.ms)
        .slice(0, dearestMax)
        .map((one) => ({ ...one, text: one.text.replace(/\s+/g, ' ').trim().slice(0, textMax) })),
      ...(walBytes && { walBytes }),
      tables: tables.filter((one) => one.walBytes > 0 || rowKinds.some((kind) => one[kind] > 0)),
    };
  }

  /** Full pages apart: how many are written depends on when the last checkpoint was, not on the work. */
  private async walBetween(from: string, to: string): Promise<{ all: number; fullPages: number }> {
    const [sum] = await this.rows<{ records: number; fullPages: number }>(
      `SELECT sum(record_size)::float8 AS records, sum(fpi_size)::float8 AS "fullPages"
         FROM bench.pg_get_wal_stats($1::pg_lsn, $2::pg_lsn)`,
      [from, to],
    );
    return { all: sum!.records, fullPages: sum!.fullPages };
  }

  /**
   * A record belongs to the table of its first block; indexes and TOAST belong to their table. The rows of system tables
   * are those of temporary tables that come and go.
   */
  private async walByTable(from: string, to: string): Promise<Map<string, number> | undefined> {
    if (!this.extensions.has('pg_walinspect')) return undefined;
    const rows = await this.rows<{ table: string; bytes: number }>(
      `
      WITH written AS (
        SELECT relfilenode,
               sum(record_length) FILTER (WHERE block_id = 0) - sum(block_fpi_length) AS bytes
          FROM bench.pg_get_wal_block_info($1::pg_lsn, $2::pg_lsn, false)
         WHERE reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
         GROUP BY relfilenode
      )
      SELECT CASE WHEN c.oid >= 16384 THEN coalesce(o.oid, i.indrelid, c.oid)::regclass::text
                  ELSE 'system tables' END AS table,
             sum(w.bytes)::float8 AS bytes
        FROM written w
        LEFT JOIN pg_class c ON c.relfilenode = w.relfilenode
        LEFT JOIN pg_index i ON i.indexrelid = c.oid
        LEFT JOIN pg_class o ON o.reltoastrelid = c.oid
       GROUP BY 1
      `,
      [from, to],
    );
    return new Map(rows.map(({ table, bytes }) => [table, bytes]));
  }

  private async rows<R>(sql: string, parameters: unknown[] = []): Promise<R[]> {
    return (await this.client.query(sql, parameters)).rows as R[];
  }
}

const eachKind = (value: (kind: RowKind) => number) =>
  Object.fromEntries(rowKinds.map((kind) => [kind, value(kind)])) as Record<RowKind, number>;
