import { randomBytes } from 'node:crypto';
import { type Server, createServer } from 'node:net';
import { Client } from 'pg';
import { runCommand } from '../support/command';
import { freePort } from '../support/ports';
import { type TestDatabase, createDatabase, createTestDatabase } from '../support/database';
import { testServices } from '../support/services';

/** A wrong setting stops a process with one line that names the variable and the remedy, never with a stack. */

const unique = randomBytes(4).toString('hex');
const [owner, guest, successor] = [`owner_${unique}`, `guest_${unique}`, `successor_${unique}`];
let database: TestDatabase;
let empty: TestDatabase;
let stranger: { server: Server; port: number };

beforeAll(async () => {
  database = await createTestDatabase();
  empty = await createDatabase(testServices().server);
  await onServer(
    testServices().server,
    `CREATE ROLE ${owner}`,
    `CREATE ROLE ${guest} LOGIN`,
    `CREATE ROLE ${successor} LOGIN`,
  );
  await onServer(empty.url, `ALTER SCHEMA public OWNER TO ${owner}`);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  stranger = { server, port };
});
afterAll(async () => {
  stranger.server.close();
  await database.drop();
  await empty.drop();
  await onServer(testServices().server, ...[owner, guest, successor].map((role) => `DROP ROLE ${role}`));
});

async function onServer(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const changed = (url: string, change: (parts: URL) => void): string => {
  const parts = new URL(url);
  change(parts);
  return parts.href;
};

/** The one line that a process ends with, besides its JSON log. Neither may contain a stack. */
async function refusal(script: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await runCommand(script, [], { PORT: '0', ...env });
  expect({ code, stderr }).toMatchObject({ code: 1 });
  expect(stdout + stderr).not.toMatch(/\n\s+at |\\n\s+at /);
  const lines = stderr.trim().split('\n');
  expect(lines).toHaveLength(1);
  return lines[0]!;
}

const as = (role: string): string => changed(empty.url, (parts) => (parts.username = role));

describe('the migrations', () => {
  /** Runs the statements of the refusal as the owner. */
  const obey = async (line: string): Promise<void> => {
    const [, grants] = /run: (.*;)$/.exec(line) ?? [];
    expect({ line, grants }).toEqual({ line, grants: expect.stringMatching(/^GRANT /) });
    await onServer(empty.url, grants!);
  };

  it('print the missing GRANT when schema or tables belong to another role, and run after it', async () => {
    const noRights = await refusal('dist/database/migrate.js', { DATABASE_URL: as(guest) });
    expect(noRights).toMatch(/^DATABASE_URL: role "guest_\w+" may not migrate database/);
    await obey(noRights);
    expect(await runCommand('dist/database/migrate.js', [], { DATABASE_URL: as(guest) })).toMatchObject({
      code: 0,
    });

    const notOwner = await refusal('dist/database/migrate.js', { DATABASE_URL: as(successor) });
    expect(notOwner).toContain(`GRANT "${guest}" TO "${successor}";`);
    await obey(notOwner);
    expect(await runCommand('dist/database/migrate.js', [], { DATABASE_URL: as(successor) })).toMatchObject({
      code: 0,
    });
  });

  it('never ask for membership of a superuser role', async () => {
    const DATABASE_URL = changed(database.url, (parts) => (parts.username = guest));
    const line = await refusal('dist/database/migrate.js', { DATABASE_URL });
    expect(line).toMatch(/^DATABASE_URL: role "guest_\w+" may not migrate .*Migrate as "\w+"/);
    expect(line).not.toContain('GRANT');
  });
});

describe.each([
  ['the migrations', 'dist/database/migrate.js'],
  ['the API', 'dist/main.js'],
  ['the worker', 'dist/worker.js'],
  ['the audit', 'dist/audit/audit-command.js'],
])('an unusable DATABASE_URL, %s', (_what, script) => {
  it('names a database that does not exist, and how to create it', async () => {
    const DATABASE_URL = changed(database.url, (parts) => (parts.pathname = '/nowhere'));
    expect(await refusal(script, { DATABASE_URL })).toMatch(
      /^DATABASE_URL: there is no database "nowhere".*createdb nowhere/,
    );
  });

  it('names a role that the server does not know', async () => {
    const DATABASE_URL = changed(database.url, (parts) => (parts.username = 'nobody_here'));
    expect(await refusal(script, { DATABASE_URL })).toMatch(/^DATABASE_URL: .*role "nobody_here"/);
  });

  it('says that the server offers no TLS', async () => {
    const DATABASE_URL = changed(database.url, (parts) => (parts.search = '?sslmode=verify-full'));
    expect(await refusal(script, { DATABASE_URL })).toMatch(/^DATABASE_URL: .*TLS.*sslmode/);
  });
});

describe('a DATABASE_URL of another server', () => {
  it('is refused as not PostgreSQL', async () => {
    const DATABASE_URL = `postgres://me@127.0.0.1:${stranger.port}/holdfast`;
    expect(await refusal('dist/database/migrate.js', { DATABASE_URL })).toMatch(
      new RegExp(`^DATABASE_URL: 127\\.0\\.0\\.1:${stranger.port} is not a PostgreSQL server`),
    );
  });

  it('is refused when nothing listens there', async () => {
    const DATABASE_URL = `postgres://me@localhost:${await freePort()}/holdfast`;
    expect(await refusal('dist/database/migrate.js', { DATABASE_URL })).toMatch(
      /^DATABASE_URL: nothing listens on localhost:\d+\. Start PostgreSQL there/,
    );
  });

  it('is refused by the API after it has waited', async () => {
    const DATABASE_URL = `postgres://me@127.0.0.1:${await freePort()}/holdfast`;
    expect(await refusal('dist/main.js', { DATABASE_URL })).toMatch(/^DATABASE_URL: nothing listens on/);
  });
});

describe('an API that cannot listen', () => {
  it.each([
    ['a name that is not known', 'nosuch.invalid', /^HOST: "nosuch\.invalid" is not known here/],
    [
      'an address of another machine',
      '203.0.113.7',
      /^HOST: "203\.0\.113\.7" is not an address of this machine/,
    ],
    ['a URL', 'http://127.0.0.1', /^HOST is "http:\/\/127\.0\.0\.1", which is no IP address/],
  ])('explains HOST with %s', async (_what, HOST, expected) => {
    expect(await refusal('dist/main.js', { DATABASE_URL: database.url, HOST })).toMatch(expected);
  });

  it('names PORT when the port is in use', async () => {
    const PORT = String(stranger.port);
    expect(await refusal('dist/main.js', { DATABASE_URL: database.url, PORT })).toMatch(
      new RegExp(`^PORT: port ${PORT} is in use.*PORT=${stranger.port + 1}`),
    );
  });

  it('names METRICS_PORT when the port of the worker is in use', async () => {
    const METRICS_PORT = String(stranger.port);
    expect(await refusal('dist/worker.js', { DATABASE_URL: database.url, METRICS_PORT })).toMatch(
      new RegExp(`^METRICS_PORT ${METRICS_PORT} cannot be used`),
    );
  });
});
