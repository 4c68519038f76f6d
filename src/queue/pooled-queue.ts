import { Client } from 'pg';
import { type Config, ConfigError } from '../config/config';
import { sqlStateOf } from '../database/pg-errors';
import { queueConnection } from './queue-tables';

/** A process that starts waits no longer for what may only be slow. */
const answerWithinMs = 3_000;

/**
 * Refuses a pooler before the queues in PostgreSQL, with ConfigError: there BullMQ hears no notification, so that every
 * order is accepted and none is driven. A pooler shows by the start-up option that BullMQ's connections ask for: it is
 * refused or dropped. (Comparing backends of two statements would miss a pooler that is idle.)
 */
export async function refusePooledQueue(config: Config): Promise<void> {
  if (config.redis || !config.queuesEnabled || !(await isPooled(config))) return;
  const [name, remedy] = config.queueDatabaseUrl
    ? ['QUEUE_DATABASE_URL', 'Set it to the address of PostgreSQL itself']
    : ['DATABASE_URL', 'Set QUEUE_DATABASE_URL to the address of PostgreSQL itself'];
  throw new ConfigError(
    `${name} leads to a pooler, through which the queues in PostgreSQL get no notification. ${remedy}, or REDIS_URL to a Redis.`,
  );
}

async function isPooled(config: Config): Promise<boolean> {
  const { connectionString, options } = queueConnection(config);
  const client = new Client({
    connectionString,
    options,
    connectionTimeoutMillis: answerWithinMs,
    query_timeout: answerWithinMs,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ synchronous_commit: string }>('SHOW synchronous_commit');
    return rows[0]!.synchronous_commit !== 'off';
  } catch (error) {
    // Any other error is not about a pooler, and the process works without its queue.
    return sqlStateOf(error) === '08P01';
  } finally {
    void client.end().catch(() => undefined);
  }
}
