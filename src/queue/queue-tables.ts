import { SchemaMigrationRequiredError, assertSchemaCompatibility } from 'bullmq';
import { Client, type ClientConfig } from 'pg';

/** No request waits for these connections, and a server that was suspended may take several seconds to answer. */
const connectTimeoutMs = 10_000;

/**
 * Asynchronous commits: a wake-up job need not survive a crash of PostgreSQL, since the outbox sends it again. And a
 * commit that notifies holds a server-wide lock until it is on disk, so a synchronous one would make all others wait.
 */
export function queueConnection(databaseUrl: string) {
  // BullMQ keeps its tables in the schema `bullmq`, which the cell's search_path would hide.
  const url = new URL(databaseUrl);
  url.searchParams.delete('options');
  return {
    connectionString: url.toString(),
    options: `-c synchronous_commit=off ${sessionSettings}`,
    max: 3,
    connectionTimeoutMillis: connectTimeoutMs,
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
export async function proveQueueTables(connection: ClientConfig): Promise<void> {
  const client = new Client({ ...connection, query_timeout: answerWithinMs });
  // An error that cuts the connection also fails the query that is running.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await refuseMissingTables(client);
    await refuseMissingRights(client);
    await assertSchemaCompatibility(client);
  } catch (error) {
    throw error instanceof QueueTablesUnusable ? error : unusable(error as Error);
  } finally {
    void client.end().catch(() => undefined);
  }
}

/** Why BullMQ cannot use its tables, with what to do. */
export function unusable(error: Error): QueueTablesUnusable {
  if (error instanceof SchemaMigrationRequiredError) return tablesMissing();
  return new QueueTablesUnusable(
    `The queues in PostgreSQL cannot be used (${error.message}). They are tried again; check DATABASE_URL and the server.`,
  );
}

const tablesMissing = () =>
  new QueueTablesUnusable(
    'The tables of the queues (schema bullmq) are missing from the database. Run: npm run db:migrate',
  );

/** Read from the catalog, which every role may read even without rights on the schema. */
async function refuseMissingTables(client: Client): Promise<void> {
  const { rows } = await client.query(`
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'bullmq' AND c.relname = 'migration'`);
  if (rows.length === 0) throw tablesMissing();
}

async function refuseMissingRights(client: Client): Promise<void> {
  const { rows } = await client.query<{ role: string; allowed: boolean }>(`
    SELECT quote_ident(current_user) AS role,
           bool_and(has_schema_privilege(n.oid, 'USAGE')
                    AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'USAGE')
                             WHEN c.relname = 'migration' THEN has_table_privilege(c.oid, 'SELECT')
                             ELSE has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                                  AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
                        END) AS allowed
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'bullmq' AND c.relkind IN ('r', 'p', 'S')`);
  const { role, allowed } = rows[0]!;
  if (allowed) return;
  throw new QueueTablesUnusable(
    `The role ${role} may not use the tables of the queues. Run as their owner: ` +
      // BullMQ makes a sequence for a queue when its first job is added.
      `GRANT USAGE, CREATE ON SCHEMA bullmq TO ${role}; ` +
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA bullmq TO ${role}; ` +
      `GRANT USAGE ON ALL SEQUENCES IN SCHEMA bullmq TO ${role};`,
  );
}
