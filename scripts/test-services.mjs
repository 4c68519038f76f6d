// Servers for the tests: a throw-away PostgreSQL with a migrated template per schema, and a Redis program. As a program
// (for a Jest that was not started by `npm test`) it prints them as one line of JSON and stops everything when its
// standard input closes.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import { bootstrap } from './bootstrap.mjs';
import { complain, failWith, SetupError, stage } from './console.mjs';
import { startGuardian } from './guardian.mjs';
import { isMain, root } from './processes.mjs';

/** The tables are in `public`, and in a second run in another schema: nothing may depend on the name. */
export const testSchemas = ['public', 'cell_7'];

/** Settings of a developer's shell that would affect a test run. */
const foreignSettings =
  /^(DATABASE_|REDIS_|STRIPE_|SANDBOX_|RESERVATION_|PAYMENT_|SAGA_|RELAY_|SWEEP_|IDEMPOTENCY_|SHUTDOWN_|HOLDFAST_(?!TEST_)|HOST$|PORT$|QUEUES$|FAILPOINT|LATE_PAYMENT$)/;

export function testEnv() {
  const own = Object.entries(process.env).filter(([name]) => !foreignSettings.test(name));
  return { ...Object.fromEntries(own), NODE_ENV: 'test' };
}

/**
 * `{ services, stop }`, where `services` is what test/support/services.ts reads. The guardian stops what is started
 * here; `stop` drops what was created on a foreign server. Drills use no foreign server: they start their own.
 */
export async function startTestServices(
  guardian,
  { schemas = testSchemas, foreignServer = process.env.TEST_DATABASE_URL } = {},
) {
  const server = foreignServer ?? (await startServer(guardian));
  const templates = await makeTemplates(server, schemas);
  const services = { server, templates: templates.names, redis: await findRedisLoudly() };
  return { services, stop: () => (foreignServer ? templates.drop() : undefined) };
}

async function startServer(guardian) {
  const { startThrowawayPostgres } = await import('./postgres.mjs');
  let url;
  await stage('PostgreSQL', async () => {
    const onSpawn = (child, name = 'postgres') => {
      // Last, when all its clients have stopped.
      guardian.watch({ name, pid: child.pid, rank: 9, escalation: 'postgresAtOnce' });
      child.once('exit', () => guardian.forget(child.pid));
    };
    ({ url } = await startThrowawayPostgres({ onSpawn, onDir: (dir) => guardian.removeDir(dir) }));
    return `throw-away PostgreSQL at ${url}`;
  });
  return url;
}

async function makeTemplates(server, schemas) {
  // With our pid: on a foreign server another test run may be active.
  const nameOf = (schema) => `holdfast_template_${process.pid}_${schema}`;
  const names = Object.fromEntries(schemas.map((schema) => [schema, nameOf(schema)]));
  await stage('template databases migrated', () =>
    asAdmin(server, async (admin) => {
      for (const name of Object.values(names)) await admin.query(`CREATE DATABASE ${name}`);
      await Promise.all(schemas.map((schema) => migrate(urlOf(server, names[schema], schema))));
      // A template with a connection cannot be cloned, so connections are forbidden.
      for (const name of Object.values(names))
        await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    }),
  );
  return { names, drop: () => dropAll(server, Object.values(names)) };
}

const dropAll = (server, names) =>
  asAdmin(server, async (admin) => {
    for (const name of names) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });

/** Calls `work` with the address of a database with all tables, which is dropped afterwards. */
export async function withClone({ server, templates }, work) {
  const name = `holdfast_clone_${process.pid}`;
  await asAdmin(server, (admin) => admin.query(`CREATE DATABASE ${name} TEMPLATE ${templates.public}`));
  try {
    return await work(urlOf(server, name, 'public'));
  } finally {
    await dropAll(server, [name]);
  }
}

async function asAdmin(server, work) {
  const { default: pg } = await import('pg');
  const admin = new pg.Client({ connectionString: server });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

function urlOf(server, database, schema) {
  const url = new URL(server);
  url.pathname = `/${database}`;
  if (schema !== 'public') url.search = `?options=${encodeURIComponent(`-c search_path=${schema}`)}`;
  return url.href;
}

async function migrate(url) {
  const script = path.join(root, 'dist', 'database', 'migrate.js');
  try {
    await promisify(execFile)(process.execPath, [script], {
      cwd: root,
      env: { ...testEnv(), DATABASE_URL: url },
    });
  } catch (error) {
    throw new SetupError(`The migrations failed on ${url}:\n${error.stdout ?? ''}${error.stderr ?? error}`);
  }
}

async function findRedisLoudly() {
  const { findRedis } = await import('./redis.mjs');
  try {
    return findRedis();
  } catch (error) {
    complain(error.message);
    complain('EVERYTHING THAT NEEDS REDIS IS SKIPPED in this run, and counted as skipped.');
    return null;
  }
}

async function serve() {
  const guardian = startGuardian();
  try {
    await bootstrap({ build: true });
    const { services, stop } = await startTestServices(guardian);
    process.stdout.write(`${JSON.stringify(services)}\n`);
    await once(process.stdin.resume(), 'end');
    await stop();
  } finally {
    await guardian.stopAll();
  }
}

if (isMain(import.meta.url)) await serve().catch(failWith);
