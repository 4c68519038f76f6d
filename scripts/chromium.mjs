// A Chromium for the browser tests: found on the PATH, or Debian's, installed. Called only when such tests run.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { say, SetupError } from './console.mjs';
import { isRoot } from './processes.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** 110 MB from a mirror; a mirror that does not answer must not block a test run. */
const installWithinMs = 300_000;
const aptPatience = ['-o', 'Acquire::http::Timeout=20', '-o', 'Acquire::Retries=1'];

/** The path of a working Chromium. Throws a SetupError that says what to do. */
export function findChromium() {
  const found = process.env.HOLDFAST_CHROMIUM ?? onPath() ?? installed();
  if (found) return found;
  throw new SetupError(
    'No Chromium was found for the browser tests, and installing one failed. Install one (apt-get install chromium), or name one in HOLDFAST_CHROMIUM.',
  );
}

function onPath() {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .flatMap((dir) => names.map((name) => path.join(dir, name)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function installed() {
  if (!isRoot) return undefined;
  const apt = (...args) =>
    spawnSync('apt-get', [...aptPatience, ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: 'ignore',
      timeout: installWithinMs,
    }).status === 0;
  const install = () => apt('install', '-y', '-qq', '--no-install-recommends', 'chromium');
  say("no Chromium on the PATH; installing Debian's for the browser tests");
  return install() || (apt('update', '-qq') && install()) ? onPath() : undefined;
}
