import { Client, type ClientBase } from 'pg';
import { type Config, ConfigError } from '../config/config';
import { cellCheck } from './cell-check';
import { isConnectionLost, sqlStateOf } from './pg-errors';
import { explainRefusedSettings } from './session';

/** How long a starting process waits for PostgreSQL. Then it ends, and its supervisor starts it again. */
const patienceMs = 10_000;
const pauseMs = 500;
const connectWithinMs = 3_000;

/**
 * Resolves when the database of DATABASE_URL accepts connections. It waits for a server that may still start, and throws a
 * one-line error at once when waiting cannot help (a wrong password, no such database).
 */
export async function reachDatabase(
  config: Config,
  onWait: (why: string) => void = () => undefined,
): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const error = await tryToConnect(config);
    if (!error) return;
    if (error instanceof ConfigError) throw error;
    const why = connectionProblem(error, config.databaseUrl) ?? String(error);
    if (!mayPass(error) || performance.now() > giveUpAt) throw new ConfigError(why);
    onWait(why);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function tryToConnect(config: Config): Promise<Error | undefined> {
  const client = new Client({
    connectionString: config.databaseUrl,
    connectionTimeoutMillis: connectWithinMs,
    query_timeout: connectWithinMs,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await cellCheck(config)(client);
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The server is starting, full, or not yet reachable. */
const mayPass = (error: Error): boolean =>
  isConnectionLost(error) ||
  ['53300', '57P03'].includes(sqlStateOf(error) ?? '') ||
  /EAI_AGAIN|EHOSTUNREACH|timeout expired|read timeout/.test(
    `${(error as { code?: string }).code} ${error.message}`,
  );

/** One line that names DATABASE_URL, the problem and the remedy. Undefined: the connection is not the problem. */
export function connectionProblem(error: unknown, databaseUrl: string): string | undefined {
  const { message = '', code = '' } = error as { message?: string; code?: string };
  const { host, role, database } = partsOf(databaseUrl);
  const remedies: [RegExp, string][] = [
    [/ECONNREFUSED/, `nothing listens on ${host}. Start PostgreSQL there, or correct host and port`],
    [/ENOTFOUND|EAI_AGAIN/, `the host name in ${host} is not known. Correct it, or use an IP address`],
    [
      /EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|timeout expired/,
      `${host} does not answer. Check host, port and firewall`,
    ],
    [/28P01|must be a string/, `the password of role "${role}" is wrong or missing. Correct it in the URL`],
    [/no encryption/, `the server wants TLS for role "${role}". Add ?sslmode=verify-full to the URL`],
    [
      /does not support SSL/,
      `the URL asks for TLS, which the server at ${host} does not offer. Remove sslmode from the URL, or turn TLS on there`,
    ],
    [
      /self[- ]signed|unable to (get|verify)|CERT_|certificate/i,
      `the certificate of ${host} is not trusted. Add &sslrootcert=<file of the CA> to the URL`,
    ],
    [/28000/, `the server refuses role "${role}". Create the role, or allow it in pg_hba.conf`],
    [/3D000/, `there is no database "${database}". Create it: createdb ${database}, or correct the URL`],
    [/42501.*for database/, `role "${role}" may not connect. Run: ${grantConnect(database, role)}`],
    [/57P03/, `the server at ${host} is starting or stopping. Wait, and start again`],
    [/53300/, `the server at ${host} has no connection left. Raise max_connections there, or stop something`],
    [
      /ECONNRESET|Connection terminated|unexpected (response|message)|Received unexpected/i,
      `${host} is not a PostgreSQL server, or it closed the connection. Correct host and port`,
    ],
  ];
  const remedy = remedies.find(([pattern]) => pattern.test(`${code} ${message}`))?.[1];
  return remedy && `DATABASE_URL: ${remedy} (${firstLine(message || code)}).`;
}

const grantConnect = (database: string, role: string) =>
  `GRANT CONNECT ON DATABASE ${quoted(database)} TO ${quoted(role)};`;

/**
 * The statements that the owner must run before `client`'s role can migrate. Undefined: the error is not about privileges.
 */
export async function missingGrant(client: ClientBase, error: unknown): Promise<string | undefined> {
  if (sqlStateOf(error) !== '42501') return undefined;
  const { rows } = await client.query<Rights>(rightsSql);
  const { role, database, databaseOwner, schema, tableOwner, ownerIsSuperuser } = rows[0]!;
  const what = `DATABASE_URL: role "${role}" may not migrate database "${database}", whose owner is "${tableOwner ?? databaseOwner}" (${firstLine((error as Error).message)}).`;
  if (tableOwner && ownerIsSuperuser) return `${what} Migrate as "${tableOwner}", who made the tables.`;
  const grants = tableOwner
    ? // Only the owner, or a member of the owner's role, may alter a table.
      `GRANT ${quoted(tableOwner)} TO ${quoted(role)};`
    : `GRANT CONNECT, CREATE, TEMPORARY ON DATABASE ${quoted(database)} TO ${quoted(role)}; GRANT ALL ON SCHEMA ${quoted(schema)} TO ${quoted(role)};`;
  return `${what} Connect to that database as its owner or a superuser and run: ${grants}`;
}

interface Rights {
  role: string;
  database: string;
  databaseOwner: string;
  schema: string;
  tableOwner: string | null;
  ownerIsSuperuser: boolean | null;
}

const rightsSql = `
  SELECT current_user AS role,
         current_database() AS database,
         (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()) AS "databaseOwner",
         present.schema,
         foreign_table.owner AS "tableOwner",
         foreign_table.owner_is_superuser AS "ownerIsSuperuser"
    FROM (
           -- current_schema() skips schemas that the role may not use.
           SELECT coalesce(current_schema(),
                           (SELECT nspname::text
                              FROM pg_namespace
                             WHERE nspname = ANY (string_to_array(replace(current_setting('search_path'), '"', ''), ', '))
                             LIMIT 1),
                           'public') AS schema
         ) AS present
    LEFT JOIN LATERAL (
           SELECT rolname AS owner, rolsuper AS owner_is_superuser
             FROM pg_class
             JOIN pg_roles ON pg_roles.oid = relowner
            WHERE relkind = 'r'
              AND relnamespace = to_regnamespace(quote_ident(present.schema))
              AND NOT pg_has_role(relowner, 'USAGE')
            LIMIT 1
         ) AS foreign_table ON true`;

/** The message of a failed command: one line when the user can fix it. */
export function explainFailure(what: string, thrown: unknown): string {
  const error = explainRefusedSettings(thrown);
  if (error instanceof ConfigError) return error.message;
  if (sqlStateOf(error) === '42P01')
    return `DATABASE_URL: this database has no tables yet (${firstLine((error as Error).message)}). Create them: npm run db:migrate`;
  return (
    connectionProblem(error, process.env.DATABASE_URL ?? '') ??
    `${what}: ${(error as Error)?.message ?? String(error)}`
  );
}

function partsOf(databaseUrl: string): { host: string; role: string; database: string } {
  if (!URL.canParse(databaseUrl)) return { host: 'that address', role: 'unknown', database: 'unknown' };
  const url = new URL(databaseUrl);
  const role = decodeURIComponent(url.username) || 'of this user';
  return {
    host: `${url.hostname || '127.0.0.1'}:${url.port || 5432}`,
    role,
    database: decodeURIComponent(url.pathname.slice(1)) || role,
  };
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const firstLine = (text: string) => text.split('\n')[0]!.trim();
