import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { type Config, ConfigError, loadConfig } from '../../src/config/config';
import { openDatabase } from '../../src/database/database';
import { checkSession, explainRefusedSettings, timeoutTrouble } from '../../src/database/session';
import { type TestDatabase, createTestDatabase, hostileTo } from '../support/database';

/**
 * Sessions have the settings that our statements rely on, over any connection. (Suites with all tables in another
 * schema run with hostile database settings; see `test/support/database.ts`.)
 */

let database: TestDatabase;
let config: Config;
const name = () => new URL(database.url).pathname.slice(1);

beforeEach(async () => {
  database = await createTestDatabase();
  config = loadConfig({ DATABASE_URL: database.url });
  const careless = { lock_timeout: '0', synchronous_commit: 'off' };
  await plainly((client) => client.query(hostileTo(name(), careless)));
});
afterEach(() => database.drop());

/** A connection without our settings, as behind a pooler that drops them. */
async function plainly<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const complaint = () =>
  plainly((client) =>
    checkSession(client).then(
      () => undefined,
      (error: Error) => error,
    ),
  );

describe('a database session', () => {
  it('overrides the database’s settings, except those that an administrator may choose', async () => {
    await plainly((client) => client.query(`ALTER DATABASE ${name()} RESET synchronous_commit`));
    const { db, close } = await openDatabase(config, 'holdfast-test');
    const [row] = await db.rows<{ settings: Record<string, string> }>(
      `SELECT json_object_agg(name, setting) AS settings FROM pg_settings
        WHERE name IN ('DateStyle', 'array_nulls', 'default_transaction_isolation', 'statement_timeout', 'lock_timeout')`,
    );
    await close();
    expect(row!.settings).toMatchObject({
      DateStyle: expect.stringMatching(/^ISO/),
      array_nulls: 'on',
      default_transaction_isolation: 'read committed',
      statement_timeout: String(config.databaseStatementTimeoutMs),
      lock_timeout: String(config.databaseLockTimeoutMs),
    });
  });

  it('is refused with the statement that fixes it when commits do not wait for the disk', async () => {
    const opening = openDatabase(config, 'holdfast-test');
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(/synchronous_commit is 'off'.* SET synchronous_commit = 'on';/);
  });
});

describe('a database session whose start-up settings were dropped', () => {
  it('is refused in one line with the statements that fix it', async () => {
    const error = await complaint();
    expect(error).toBeInstanceOf(ConfigError);
    expect(error!.message).not.toContain('\n');
    for (const wrong of ["datestyle is 'SQL, DMY'", "array_nulls is 'off'"])
      expect(error!.message).toContain(wrong);
    expect(error!.message).not.toContain('lock_timeout');

    const statements = error!.message.match(/ALTER ROLE .*?;/g)!;
    expect(statements.length).toBeGreaterThan(3);
    await plainly((client) => client.query(statements.join(' ')));
    expect(await complaint()).toBeUndefined();
  });

  it('ends a starting process with one line', () => {
    const url = new URL(database.url);
    const own = url.searchParams.get('options');
    url.searchParams.set(
      'options',
      [own, '-c datestyle=SQL', '-c synchronous_commit=on'].filter(Boolean).join(' '),
    );
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(resolve(__dirname, '../..'), 'dist/main.js')],
      { encoding: 'utf8', env: { ...process.env, DATABASE_URL: url.href, LOG_LEVEL: 'silent', PORT: '0' } },
    );
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/datestyle is 'SQL, MDY'.*ALTER ROLE/)]);
  });
});

describe('a database session whose timeouts were dropped', () => {
  /** Only the timeouts are missing. */
  beforeEach(() => plainly((client) => client.query(`ALTER DATABASE ${name()} RESET ALL`)));

  const trouble = () =>
    plainly((client) =>
      timeoutTrouble(config, async (sql, parameters) => (await client.query(sql, parameters)).rows),
    );

  it('is accepted, and reported with the statements that set them', async () => {
    expect(await complaint()).toBeUndefined();
    expect(await trouble()).toMatch(
      /lock_timeout is '0', statement_timeout is '0', idle_in_transaction_session_timeout is '0'.*ALTER ROLE/,
    );

    const statements = (await trouble())!.match(/ALTER ROLE .*?;/g)!;
    expect(statements).toHaveLength(3);
    await plainly((client) => client.query(statements.join(' ')));
    expect(await trouble()).toBeUndefined();
  });

  it('may have a shorter one than ours, but not a longer one', async () => {
    await plainly((client) => client.query(`ALTER DATABASE ${name()} SET lock_timeout = '1s'`));
    expect(await trouble()).not.toMatch(/[^_]lock_timeout/);
    await plainly((client) => client.query(`ALTER DATABASE ${name()} SET lock_timeout = '1h'`));
    expect(await trouble()).toMatch(/[^_]lock_timeout is '3600000'/);
  });
});

describe('a pooler that refuses start-up settings', () => {
  it.each([
    'unsupported startup parameter: lock_timeout',
    'unsupported startup parameter in options: array_nulls',
  ])('is explained with the setting that it needs (%s)', (message) => {
    expect(explainRefusedSettings(new Error(message))).toMatchObject({
      message: expect.stringMatching(/ignore_startup_parameters = extra_float_digits,options,lock_timeout/),
    });
  });

  it('is not mistaken for other errors', () => {
    const error = new Error('connection refused');
    expect(explainRefusedSettings(error)).toBe(error);
  });
});
