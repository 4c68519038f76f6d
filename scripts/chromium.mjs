// A Chromium for the browser tests: found on the PATH, or Debian's, installed. Called only when such tests run.
//
// Chromium's headless shell has the same engine without a browser around it: the tests need a third of the CPU with it.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { say, SetupError } from './console.mjs';
import { isRoot } from './processes.mjs';

const shell = 'chromium-headless-shell';
const browsers = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** 110 MB from a mirror; a mirror that does not answer must not block a test run. */
const installWithinMs = 300_000;
const aptPatience = ['-o', 'Acquire::http::Timeout=20', '-o', 'Acquire::Retries=1'];

/** The path of a working Chromium. Throws a SetupError that says what to do. */
export function findChromium() {
  const found = process.env.HOLDFAST_CHROMIUM ?? onPath([shell]) ?? onCiMachine() ?? onPath(browsers);
  const chromium = found ?? installed(shell) ?? installed('chromium');
  if (chromium) return chromium;
  throw new SetupError(
    'No Chromium was found for the browser tests, and installing one failed. Install one (apt-get install chromium-headless-shell), or name one in HOLDFAST_CHROMIUM.',
  );
}

function onPath(names) {
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

/** On a developer's machine, a browser that is there already will do. */
const onCiMachine = () => (process.env.CI ? installed(shell) : undefined);

function installed(name) {
  if (!isRoot) return undefined;
  const apt = (...args) =>
    spawnSync('apt-get', [...aptPatience, ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: 'ignore',
      timeout: installWithinMs,
    }).status === 0;
  const install = () => apt('install', '-y', '-qq', '--no-install-recommends', name);
  say(`installing Debian's ${name} for the browser tests`);
  return install() || (apt('update', '-qq') && install()) ? onPath([name]) : undefined;
}
