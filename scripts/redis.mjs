// A Redis server program for the tests, which run on both queue backends: found, unpacked, or installed, in that order.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { say, SetupError } from './console.mjs';
import { isRoot, root } from './processes.mjs';

const cacheDir = path.join(root, 'node_modules', '.cache', 'holdfast', 'redis');
const debianPackages = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'];
/** A mirror that does not answer must not delay a test run by minutes. */
const aptPatience = [
  '-o',
  'Acquire::http::Timeout=10',
  '-o',
  'Acquire::https::Timeout=10',
  '-o',
  'Acquire::Retries=1',
];
const aptTimeoutMs = 90_000;

/** `{ binary, ldLibraryPath }` of a server that answers `--version`; throws a SetupError that says what to do. */
export function findRedis() {
  const found = onPath() ?? unpacked() ?? unpackDebianPackages() ?? installAsRoot();
  if (found) return found;
  throw new SetupError(
    'No Redis server was found, and installing one failed. Install one (apt-get install redis-server, dnf install valkey, brew install redis), or put a redis-server or valkey-server on the PATH.',
  );
}

function onPath() {
  for (const name of ['redis-server', 'valkey-server']) {
    const binary = which(name);
    if (binary && answers({ binary })) return { binary };
  }
  return undefined;
}

function which(name) {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((dir) => path.join(dir, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function answers({ binary, ldLibraryPath }) {
  const env = ldLibraryPath ? { ...process.env, LD_LIBRARY_PATH: ldLibraryPath } : process.env;
  return spawnSync(binary, ['--version'], { env, stdio: 'ignore', timeout: 10_000 }).status === 0;
}

function unpacked() {
  const multiarch = `${{ x64: 'x86_64', arm64: 'aarch64' }[process.arch] ?? process.arch}-linux-gnu`;
  const server = {
    binary: path.join(cacheDir, 'root', 'usr', 'bin', 'redis-server'),
    ldLibraryPath: path.join(cacheDir, 'root', 'usr', 'lib', multiarch),
  };
  return existsSync(server.binary) && answers(server) ? server : undefined;
}

const quiet = (command, args, options = {}) =>
  spawnSync(command, args, { stdio: 'ignore', timeout: aptTimeoutMs, ...options }).status === 0;

/** Debian's package without installing it: no service is started, nothing outside the clone changes. */
function unpackDebianPackages() {
  if (!which('apt-get') || !which('dpkg-deb')) return undefined;
  say(
    "no redis-server on the PATH; unpacking Debian's into node_modules/.cache (nothing is installed system-wide)",
  );
  mkdirSync(cacheDir, { recursive: true });
  const download = () =>
    quiet('apt-get', [...aptPatience, 'download', '-qq', ...debianPackages], { cwd: cacheDir });
  const refresh = () => isRoot && quiet('apt-get', [...aptPatience, 'update', '-qq']);
  if (!download() && !(refresh() && download())) return undefined;
  for (const name of readdirSync(cacheDir)) {
    if (name.endsWith('.deb')) quiet('dpkg-deb', ['-x', name, 'root'], { cwd: cacheDir });
  }
  return unpacked();
}

function installAsRoot() {
  if (!isRoot || !which('apt-get')) return undefined;
  say('installing redis-server with apt-get');
  // RUNLEVEL=1 keeps the package from starting a server.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  quiet('apt-get', [...aptPatience, 'install', '-y', '-qq', '--no-install-recommends', 'redis-server'], {
    env,
  });
  return onPath();
}
