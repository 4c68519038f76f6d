// The folder of a PostgreSQL cluster: where it is, and how it is created completely or not at all.
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
 * Normally `home`. If root's data is below a private folder such as /root, which `nobody` cannot enter, the cluster is
 * in /var/tmp and a file in the data folder says where. Without that file there is no cluster, so removing the data
 * folder starts over, as it does everywhere else.
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

/** The leftovers of an initdb that was killed. Never a usable cluster, so removing them loses nothing. */
export function removeDrafts(dir) {
  const parent = path.dirname(dir);
  for (const name of readdirSync(parent)) {
    const file = path.join(parent, name);
    if (file.startsWith(draftOf(dir))) rmSync(file, { recursive: true, force: true });
  }
}

const isCluster = (dir) =>
  existsSync(path.join(dir, 'PG_VERSION')) && existsSync(path.join(dir, 'global', 'pg_control'));

/** Written at the end of a complete initialization. A folder that has it is never removed. */
const completeMark = 'holdfast-complete';

/** Creates the cluster unless it exists, and returns whether it did. */
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
  // The name appears only now: a folder called `dir` is a complete cluster or was not made here.
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

/** Removes only what our own initdb could have left; anything else is the user's. */
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
    say(`${dir} was never completely initialized (it has no usable database); creating it again`);
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
