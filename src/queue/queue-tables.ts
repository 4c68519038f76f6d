import { SchemaMigrationRequiredError, assertSchemaCompatibility } from 'bullmq';
import { Client } from 'pg';
import { queueSchemaOf } from '../config/cell';
import type { Config } from '../config/config';

/** No request waits for these connections, and a server that was suspended may take several seconds to answer. */
const connectTimeoutMs = 10_000;

/** A server that is silent for longer counts as lost. No statement of BullMQ takes a second. */
const silentMs = 15_000;

/**
 * Asynchronous commits: a wake-up job need not survive a crash of PostgreSQL, since the outbox sends it again. And a
 * commit that notifies holds a server-wide lock until it is on disk, so a synchronous one would make all others wait.
 */
export function queueConnection(config: Config) {
  // BullMQ keeps its tables in a separate schema, which our search_path would hide.
  const url = new URL(config.queueDatabaseUrl ?? config.databaseUrl);
  url.searchParams.delete('options');
  return {
    connectionString: url.toString(),
    schema: queueSchemaOf(config.cell),
    options: `-c synchronous_commit=off ${sessionSettings}`,
    max: 3,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: silentMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

/** BullMQ's statements rely on these, whatever is set for the database or the role. */
const sessionSettings =
  '-c datestyle=ISO -c array_nulls=on -c standard_conforming_strings=on -c default_transaction_isolation=read\\ committed -c statement_timeout=0 -c lock_timeout=0';

/** BullMQ's tables cannot be used. The message says what to do about it. */
export class QueueTablesUnusable extends Error {}

/** A server that accepts connections and never answers must not delay the next try. */
const answerWithinMs = 5_000;

/**
 * Proves that this role can use BullMQ's tables before a worker is made: a BullMQ worker never recovers when its first
 * read of them fails, and one that may read their version and nothing else fails at every job.
 */
export async function proveQueueTables({
  schema,
  ...connection
}: ReturnType<typeof queueConnection>): Promise<void> {
  const client = new Client({ ...connection, query_timeout: answerWithinMs });
  // An error that cuts the connection also fails the query that is running.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await refuseMissingTables(client, schema);
    await refuseMissingRights(client, schema);
    await assertSchemaCompatibility(client, schema);
  } catch (error) {
    throw error instanceof QueueTablesUnusable ? error : unusable(error as Error);
  } finally {
    void client.end().catch(() => undefined);
  }
}

/** Why BullMQ cannot use its tables, with what to do. */
export function unusable(error: Error): QueueTablesUnusable {
  if (error instanceof SchemaMigrationRequiredError) return tablesMissing(error.schema);
  return new QueueTablesUnusable(
    `The queues in PostgreSQL cannot be used (${error.message}). They are tried again; check QUEUE_DATABASE_URL (or DATABASE_URL) and the server.`,
  );
}

const tablesMissing = (schema: string) =>
  new QueueTablesUnusable(
    `The tables of the queues (schema ${schema}) are missing from the database. Run: npm run db:migrate`,
  );

/** Read from the catalog, which every role may read even without rights on the schema. */
async function refuseMissingTables(client: Client, schema: string): Promise<void> {
  const { rows } = await client.query(
    `SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1::text AND c.relname = 'migration'`,
    [schema],
  );
  if (rows.length === 0) throw tablesMissing(schema);
}

async function refuseMissingRights(client: Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ role: string; allowed: boolean }>(
    `SELECT quote_ident(current_user) AS role,
           bool_and(has_schema_privilege(n.oid, 'USAGE')
                    AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'USAGE')
                             WHEN c.relname = 'migration' THEN has_table_privilege(c.oid, 'SELECT')
                             ELSE has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                                  AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
                        END) AS allowed
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p', 'S')`,
    [schema],
  );
  const { role, allowed } = rows[0]!;
  if (allowed) return;
  throw new QueueTablesUnusable(
    `The role ${role} may not use the tables of the queues. Run as their owner: ` +
      // BullMQ makes a sequence for a queue when its first job is added.
      `GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}; ` +
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}; ` +
      `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role};`,
  );
}
