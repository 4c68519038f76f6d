// `npm start`: from a bare clone to a running shop in one terminal.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { complain, failWith, say, SetupError, seconds, stage } from './console.mjs';
import { removeInstance, writeInstance } from './instance.mjs';
import { acquirePidFile } from './pid-file.mjs';
import { isAlive, makeFolder, stopInOrder } from './processes.mjs';
import { seed } from './seed.mjs';
import {
  checkPorts,
  checkProgramSettings,
  childEnv,
  readSettings,
  refuseSecondStart,
} from './start-settings.mjs';
import { summary } from './start-summary.mjs';
import { ranks, Supervisor } from './supervisor.mjs';

/** npm's shell does not pass on SIGTERM; its end shows as a new parent process. */
const parentCheckMs = 300;

async function main() {
  // A reader that ends (`npm start | head`) must not stop the service.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const startedAt = Date.now();
  const settings = readSettings(process.env);
  const { pidFile, left } = takeDataDir(settings);
  try {
    await stopLeftovers(left);
    await checkPorts(settings);
    await bootstrap({ build: true });
    await checkProgramSettings(settings);
  } catch (error) {
    pidFile.release();
    throw error;
  }

  const supervisor = new Supervisor({
    dataDir: settings.dataDir,
    pidFile,
    onGivenUp: (reason) => stop(1, reason),
  });
  const stop = stopOnce({ supervisor, settings, pidFile });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0, signal));
  watchParent(() => stop(0, 'npm has ended'));
  try {
    const env = await startAll(supervisor, settings);
    process.stdout.write(summary({ settings, env, took: seconds(Date.now() - startedAt) }));
  } catch (error) {
    // Work that a stop interrupts fails; the stop itself ends the process.
    if (!supervisor.isStopping) await stop(1, error instanceof SetupError ? error.message : error.stack);
  }
}

function takeDataDir(settings) {
  try {
    makeFolder(settings.dataDir);
  } catch (error) {
    throw new SetupError(`HOLDFAST_DATA_DIR ${settings.dataDir} cannot be used: ${error.message}`);
  }
  const facts = { url: `http://127.0.0.1:${settings.port}` };
  const { held, holder, left } = acquirePidFile(path.join(settings.dataDir, 'supervisor.json'), facts);
  if (!held) refuseSecondStart(settings, holder);
  return { pidFile: held, left };
}

/** After a kill -9 the guardian cleans up; this covers a guardian that was killed too or has not finished. */
async function stopLeftovers(left) {
  const running = (left?.processes ?? []).filter(isAlive);
  if (running.length === 0) return;
  await stage(
    `stopped what the last start (pid ${left.pid}) left running: ${running.map(({ name }) => name).join(', ')}`,
    () => stopInOrder(running),
  );
}

async function startAll(supervisor, settings) {
  const databaseUrl = settings.databaseUrl ?? (await startDatabase(supervisor, settings));
  const env = childEnv(settings, databaseUrl);
  writeInstance({ dataDir: settings.dataDir, settings, env });
  if (settings.stripeUrl === undefined) {
    await stage(`payment sandbox on http://127.0.0.1:${settings.sandboxPort}`, () =>
      supervisor.keepProgram('sandbox', {
        script: 'dist/sandbox.js',
        env,
        rank: ranks.provider,
        readyWhen: /sandbox listening on/,
      }),
    );
  }
  await stage('database migrated', () =>
    supervisor.run('migrate', { script: 'dist/database/migrate.js', env }),
  );
  const apiUrl = `http://127.0.0.1:${settings.port}`;
  // In parallel: most of either start is module loading, and there is more than one core.
  await Promise.all([
    stage(`API on ${apiUrl}`, () =>
      supervisor.keepProgram('api', { script: 'dist/main.js', env, readyWhen: () => isHealthy(apiUrl) }),
    ),
    stage('worker ready', () =>
      supervisor.keepProgram('worker', { script: 'dist/worker.js', env, readyWhen: /worker ready/ }),
    ),
  ]);
  const seeded = await seed({ apiUrl, adminKey: env.HOLDFAST_ADMIN_KEY });
  if (seeded > 0) say(`${seeded} demo products made`);
  return env;
}

async function startDatabase(supervisor, { dataDir }) {
  // Imported only now: the bootstrap has installed its dependencies.
  const { startPostgres } = await import('./postgres.mjs');
  let server;
  const launch = async () => {
    const onSpawn = (child, name = 'postgres') =>
      supervisor.adopt(name, child, { rank: ranks.database, escalation: 'postgres' });
    // After a crash it must restart on the same port.
    server = await startPostgres({ dataDir, onSpawn, port: server?.port });
    return server.child;
  };
  await stage('PostgreSQL', async () => {
    await supervisor.keep('postgres', launch);
    return `PostgreSQL on 127.0.0.1:${server.port}, data in ${server.dir}${server.created ? ' (new)' : ''}`;
  });
  return server.url;
}

async function isHealthy(apiUrl) {
  try {
    const response = await fetch(`${apiUrl}/health/ready`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** There is one stop for any number of signals (a terminal's Ctrl-C arrives twice, through npm too). */
function stopOnce({ supervisor, settings, pidFile }) {
  let stopped;
  return (exitCode, reason) => {
    stopped ??= (async () => {
      const tell = exitCode === 0 ? say : complain;
      tell(exitCode === 0 ? `stopping (${reason}): API and worker, then the rest` : reason);
      const since = Date.now();
      await supervisor.stop();
      rmSync(path.join(settings.dataDir, 'pids.json'), { force: true });
      removeInstance(settings.dataDir);
      pidFile.release();
      tell(`stopped (${seconds(Date.now() - since)}); the data stays in ${settings.dataDir}`);
      process.exit(exitCode);
    })();
    return stopped;
  };
}

function watchParent(onLost) {
  // In a background job of a shell, a lost parent means nothing.
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && onLost(), parentCheckMs).unref();
}

await main().catch(failWith);
