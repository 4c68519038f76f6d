import type { ClientBase } from 'pg';
import { hearClock } from '../clock';
import { type Config, ConfigError } from '../config/config';

/**
 * A session setting that our statements rely on, whatever the server, the database or the role is set to.
 *
 * We request it when a connection starts, which overrides all of those. A pooler in between (PgBouncer) may drop the
 * request, and a later SET does not last there. So each new connection is checked before its first use; where a setting is
 * missing, an operator must set it for the role.
 */
interface NeededSetting {
  name: string;
  /** The value to request; undefined where any value that `holds` will do. */
  asked: string | undefined;
  holds: (value: string) => boolean;
  /** The value to set for the role. */
  advised: string;
}

const exactly = (name: string, value: string): NeededSetting => ({
  name,
  asked: value,
  holds: (found) => found === value,
  advised: value,
});

const atMost = (name: string, ms: number): NeededSetting => ({
  name,
  asked: undefined,
  holds: (found) => Number(found) > 0 && Number(found) <= ms,
  advised: `${ms}ms`,
});

const needed: NeededSetting[] = [
  // pg parses dates from text.
  { ...exactly('datestyle', 'ISO'), holds: (found) => found.startsWith('ISO') },
  // Array parameters contain NULLs.
  exactly('array_nulls', 'on'),
  exactly('standard_conforming_strings', 'on'),
  // Single statements decide races, too.
  exactly('default_transaction_isolation', 'read committed'),
  // A prepared statement keeps its plan. One that was planned when its tables were small would read them whole until
  // autovacuum comes by, which is a minute of a flash sale. Where no index fits, PostgreSQL reads the table all the same.
  { name: 'enable_seqscan', asked: 'off', holds: () => true, advised: 'off' },
  // What we confirmed to a client must survive a crash. Waiting for our disk or a standby's will do.
  // guard: durable-commit
  { name: 'synchronous_commit', asked: undefined, holds: (found) => found !== 'off', advised: 'on' },
];

/**
 * Without a timeout, or with a longer one, a statement or a process that hangs could hold a hot row for too long. A shorter
 * one is a choice. Everything is still right without them, so the process works and is degraded.
 */
const timeoutsOf = (config: Config): NeededSetting[] => [
  atMost('lock_timeout', config.databaseLockTimeoutMs),
  atMost('statement_timeout', config.databaseStatementTimeoutMs),
  atMost('idle_in_transaction_session_timeout', config.databaseIdleTransactionTimeoutMs),
];

/** DATABASE_URL with the settings to request at the start of a connection. Its own options come last and win. */
export function withSessionSettings(config: Config): string {
  const url = new URL(config.databaseUrl);
  const asked = needed.flatMap(({ name, asked: value }) =>
    value === undefined ? [] : [`-c ${name}=${value.replaceAll(' ', '\\ ')}`],
  );
  const own = url.searchParams.get('options');
  url.searchParams.set('options', [...asked, ...(own ? [own] : [])].join(' '));
  return url.href;
}

interface Session {
  epochMs: string;
  user: string;
  database: string;
  settings: Record<string, string>;
}

// As text and without dates, because the date style may be wrong.
const readSession = `
  SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text AS "epochMs", current_user AS "user",
         current_database() AS database,
         (SELECT json_object_agg(lower(name), setting) FROM pg_settings WHERE lower(name) = ANY ($1::text[])) AS settings`;

/** Checks a new connection: throws ConfigError when its session lacks a needed setting. Also reads the clock. */
export async function checkSession(client: ClientBase): Promise<void> {
  const { rows } = await client.query<Session>(readSession, [namesOf(needed)]);
  const [session] = rows as [Session];
  hearClock(new Date(Number(session.epochMs)));
  const missing = missingIn(session, needed);
  if (missing) throw new ConfigError(`DATABASE_URL leads to sessions with wrong settings: ${missing}`);
}

/** What is wrong with the timeouts in force, as seen through a pooler; undefined: nothing. */
export async function timeoutTrouble(
  config: Config,
  read: (sql: string, parameters: unknown[]) => Promise<unknown[]>,
): Promise<string | undefined> {
  const timeouts = timeoutsOf(config);
  const [session] = (await read(readSession, [namesOf(timeouts)])) as Session[];
  const missing = missingIn(session!, timeouts);
  return missing && `PostgreSQL's timeouts are missing, so what hangs could hold locks: ${missing}`;
}

const namesOf = (settings: NeededSetting[]) => settings.map(({ name }) => name);

/** The settings that do not hold, and the statements that set them. */
function missingIn({ user, database, settings }: Session, wanted: NeededSetting[]): string | undefined {
  const missing = wanted.filter(({ name, holds }) => !holds(settings[name] ?? ''));
  if (missing.length === 0) return undefined;
  const are = missing.map(({ name }) => `${name} is '${settings[name]}'`).join(', ');
  const role = `ALTER ROLE ${quoted(user)} IN DATABASE ${quoted(database)} SET`;
  const run = missing.map(({ name, advised }) => `${role} ${name} = '${advised}';`).join(' ');
  return `${are}. A pooler that drops start-up settings needs them set for the role. Run: ${run} Then make the pooler reconnect (PgBouncer: RECONNECT).`;
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** PgBouncer refuses a connection with start-up settings that it is not configured to ignore. */
export function explainRefusedSettings(error: unknown): unknown {
  const message = String((error as Error | null)?.message);
  const [, named] = /unsupported startup parameter(?: in options)?: (\w+)/.exec(message) ?? [];
  if (named === undefined) return error;
  return new ConfigError(
    `DATABASE_URL leads to a pooler that refuses start-up settings (${named}). In pgbouncer.ini set: ignore_startup_parameters = extra_float_digits,options,lock_timeout,statement_timeout,idle_in_transaction_session_timeout`,
  );
}
