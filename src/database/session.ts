import type { ClientBase } from 'pg';
import { hearClock } from '../clock';
import { type Config, ConfigError } from '../config/config';

/**
 * What the statements here rely on in their session, whatever somebody has set for the server, the database or the role.
 *
 * Asked for when a connection starts, which overrules all of those. A connection pooler in between (PgBouncer) may drop
 * what it is asked for, and what is set later does not hold there; so each new connection is looked at before its first
 * use, and where something is missing the role must be set to it, by whoever may do that.
 */
interface NeededSetting {
  name: string;
  /** What is asked for; undefined where any value will do that `holds`. */
  asked: string | undefined;
  holds: (value: string) => boolean;
  /** What the role is to be set to. */
  advised: string;
}

const exactly = (name: string, value: string): NeededSetting => ({
  name,
  asked: value,
  holds: (found) => found === value,
  advised: value,
});

/** None, or a longer one, lets a statement hold a hot row for longer than anybody waits; a shorter one was chosen. */
const atMost = (name: string, ms: number): NeededSetting => ({
  name,
  asked: undefined,
  holds: (found) => Number(found) > 0 && Number(found) <= ms,
  advised: `${ms}ms`,
});

function neededBy(config: Config): NeededSetting[] {
  return [
    // Dates are read as text.
    { ...exactly('datestyle', 'ISO'), holds: (found) => found.startsWith('ISO') },
    // Lists of parameters have NULLs in them.
    exactly('array_nulls', 'on'),
    exactly('standard_conforming_strings', 'on'),
    // Single statements decide races too.
    exactly('default_transaction_isolation', 'read committed'),
    // What a client was told must survive a crash. Any way of waiting for the disk will do, a standby's as well.
    // guard: durable-commit
    { name: 'synchronous_commit', asked: undefined, holds: (found) => found !== 'off', advised: 'on' },
    atMost('lock_timeout', config.databaseLockTimeoutMs),
    atMost('statement_timeout', config.databaseStatementTimeoutMs),
    // guard: idle-transaction-timeout-checked
    atMost('idle_in_transaction_session_timeout', config.databaseIdleTransactionTimeoutMs),
  ];
}

/** The address with the settings that are asked for when a connection starts; the address's own come last and win. */
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

/** For each new connection of a pool: throws ConfigError where its session lacks what is needed. Hears the clock, too. */
export function sessionCheck(config: Config) {
  const needed = neededBy(config);
  return async (client: ClientBase): Promise<void> => {
    // Cast to text, and no dates in it: the style of dates is one of the things that are asked.
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
    `DATABASE_URL leads to sessions that Holdfast cannot work with: ${are}. A pooler that drops start-up settings needs them set for the role. Run: ${run} Then make the pooler connect anew (PgBouncer: RECONNECT).`,
  );
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** PgBouncer refuses a connection that asks for settings which it is not told to ignore. */
export function explainRefusedSettings(error: unknown): unknown {
  const message = String((error as Error | null)?.message);
  const [, named] = /unsupported startup parameter(?: in options)?: (\w+)/.exec(message) ?? [];
  if (named === undefined) return error;
  return new ConfigError(
    `DATABASE_URL leads to a pooler that refuses start-up settings (${named}). In pgbouncer.ini set: ignore_startup_parameters = extra_float_digits,options,lock_timeout,statement_timeout,idle_in_transaction_session_timeout`,
  );
}
