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

/** Without a timeout, or with a longer one, a statement could hold a hot row for too long. A shorter one is a choice. */
const atMost = (name: string, ms: number): NeededSetting => ({
  name,
  asked: undefined,
  holds: (found) => Number(found) > 0 && Number(found) <= ms,
  advised: `${ms}ms`,
});

function neededBy(config: Config): NeededSetting[] {
  return [
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
    atMost('lock_timeout', config.databaseLockTimeoutMs),
    atMost('statement_timeout', config.databaseStatementTimeoutMs),
    // guard: idle-transaction-timeout-checked
    atMost('idle_in_transaction_session_timeout', config.databaseIdleTransactionTimeoutMs),
  ];
}

/** DATABASE_URL with the settings to request at the start of a connection. Its own options come last and win. */
export function withSessionSettings(config: Config): string {
  const url = new URL(config.databaseUrl);
  const asked = neededBy(config).flatMap(({ name, asked: value }) =>
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

/** Checks a new connection: throws ConfigError when its session lacks a needed setting. Also reads the clock. */
export function sessionCheck(config: Config) {
  const needed = neededBy(config);
  return async (client: ClientBase): Promise<void> => {
    // As text and without dates, because the date style may be wrong.
    const { rows } = await client.query<Session>(
      `SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text AS "epochMs", current_user AS "user",
              current_database() AS database,
              (SELECT json_object_agg(name, setting) FROM pg_settings WHERE lower(name) = ANY ($1::text[])) AS settings`,
      [needed.map(({ name }) => name)],
    );
    const { epochMs, ...session } = rows[0]!;
    hearClock(new Date(Number(epochMs)));
    const found = new Map(
      Object.entries(session.settings).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const missing = needed.filter(({ name, holds }) => !holds(found.get(name) ?? ''));
    if (missing.length > 0) throw settingsMissing(missing, found, session);
  };
}

function settingsMissing(
  missing: NeededSetting[],
  found: Map<string, string>,
  { user, database }: Pick<Session, 'user' | 'database'>,
): ConfigError {
  const are = missing.map(({ name }) => `${name} is '${found.get(name)}'`).join(', ');
  const role = `ALTER ROLE ${quoted(user)} IN DATABASE ${quoted(database)} SET`;
  const run = missing.map(({ name, advised }) => `${role} ${name} = '${advised}';`).join(' ');
  return new ConfigError(
    `DATABASE_URL leads to sessions with wrong settings: ${are}. A pooler that drops start-up settings needs them set for the role. Run: ${run} Then make the pooler reconnect (PgBouncer: RECONNECT).`,
  );
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
