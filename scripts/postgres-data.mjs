// The folder a PostgreSQL cluster lives in: where it is, and how it comes to be all there or not at all.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { say, SetupError } from './console.mjs';
import { isOpenToAll, serverUser } from './postgres-binaries.mjs';
import { isRoot } from './processes.mjs';
import { writeAtomically } from './pid-file.mjs';

/**
 * Normally `home`. When root keeps its data below a private folder such as /root, where `nobody` cannot go, the
 * cluster lives in /var/tmp and a file in the data folder says where; without that file there is no cluster, so
 * removing the data folder starts afresh, as it does everywhere else.
 */
export function clusterDir({ dataDir, home }) {
  if (!isRoot || isOpenToAll(dataDir)) return home;
  const pointer = path.join(dataDir, 'postgres.location');
  if (existsSync(pointer)) return path.join(readFileSync(pointer, 'utf8').trim(), 'postgres');
  const elsewhere = mkdtempSync('/var/tmp/holdfast-');
  chmodSync(elsewhere, 0o711);
  writeAtomically(pointer, `${elsewhere}\n`);
  say(`PostgreSQL cannot run as root nor, as nobody, reach ${dataDir}: its data is kept in ${elsewhere}`);
  return path.join(elsewhere, 'postgres');
}

const draftOf = (dir) => `${dir}.initialising-`;

/** What an initdb that was killed midway left behind. Never a usable cluster, so nothing can be lost with it. */
export function removeDrafts(dir) {
  const parent = path.dirname(dir);
  for (const name of readdirSync(parent)) {
    const file = path.join(parent, name);
    if (file.startsWith(draftOf(dir))) rmSync(file, { recursive: true, force: true });
  }
}

const isCluster = (dir) =>
  existsSync(path.join(dir, 'PG_VERSION')) && existsSync(path.join(dir, 'global', 'pg_control'));

/** Left by a cluster's first complete initialisation; where it stands, nothing is ever removed. */
const completeMark = 'holdfast-complete';

/** Creates the cluster unless it is there, and answers whether it did. */
export async function initialise({ dir, binaries, onSpawn, durable }) {
  if (isCluster(dir)) {
    checkVersion(dir);
    return false;
  }
  if (existsSync(dir)) removeNeverUsable(dir);
  const draft = `${draftOf(dir)}${process.pid}`;
  mkdirSync(draft);
  chmodSync(draft, 0o700);
  if (isRoot) chownSync(draft, serverUser.uid, serverUser.gid);
  await initdb({ binaries, draft, onSpawn, durable });
  writeAtomically(path.join(draft, completeMark), '');
  // The name appears only now: a folder called `dir` is a whole cluster or was not made here.
  renameSync(draft, dir);
  return true;
}

function checkVersion(dir) {
  const found = readFileSync(path.join(dir, 'PG_VERSION'), 'utf8').trim();
  if (found === '18') return;
  throw new SetupError(
    `The database in ${dir} was made by PostgreSQL ${found}, the embedded one is 18. Dump it with the old version, or set HOLDFAST_DATA_DIR to another folder.`,
  );
}

/** Only what an initdb of our own could have left is removed; everything else is somebody's, and theirs to judge. */
function removeNeverUsable(dir) {
  const names = readdirSync(dir);
  const foreign = names.filter(
    (name) => !/^(base|global|PG_VERSION|pg_\w+(\.conf)?|postgresql(\.auto)?\.conf)$/.test(name),
  );
  if (foreign.length > 0) {
    throw new SetupError(
      `${dir} is not a complete PostgreSQL cluster, and holds ${foreign.slice(0, 3).join(', ')}, so it is left alone. Move it away, restore it, or set HOLDFAST_DATA_DIR to another folder.`,
    );
  }
  if (names.length > 0)
    say(`${dir} was never completely initialised (it holds no usable database); making it again`);
  rmSync(dir, { recursive: true, force: true });
}

function initdb({ binaries, draft, onSpawn, durable }) {
  const args = [
    '-D',
    draft,
    '-U',
    'holdfast',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-instructions',
  ];
  const child = spawn(binaries.initdb, durable ? args : [...args, '--no-sync'], {
    ...serverUser,
    cwd: draft,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (child.pid) onSpawn(child, 'initdb');
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk) => (said += chunk));
    const failure = (how) => reject(new SetupError(`initdb ${how}: ${said.trim()}`));
    child.once('error', (error) =>
      failure(`could not be run (${error.message}); set DATABASE_URL to use your own PostgreSQL`),
    );
    child.once('close', (code, signal) =>
      code === 0 ? resolve() : failure(`failed (${signal ?? `exit ${code}`})`),
    );
  });
}
