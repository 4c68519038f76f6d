// `npm test`: sets up what is missing, runs the suites, and ends with one line of totals over everything that ran.
//
//   npm test                          everything
//   npm test -- test/unit -t money    whatever Jest takes
//
// Of the whole suite and in CI, a few failed files are run a second time, alone: on a busy machine a wait may time out. What then
// passes counts as passed and is named as flaky at the end, for somebody to mend.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { findChromium } from './chromium.mjs';
import { failWith, say, seconds } from './console.mjs';
import { startGuardian } from './guardian.mjs';
import { prebundle } from './prebundle.mjs';
import { root } from './processes.mjs';
import { startTestServices, testEnv } from './test-services.mjs';

const noServices = { services: 'none', stop: () => {} };

async function startServices(guardian, { fresh }) {
  const started = await startTestServices(guardian);
  return { ...started, preload: await prebundle({ services: started.services, guardian, fresh }) };
}

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

async function main() {
  const startedAt = Date.now();
  const args = process.argv.slice(2);
  await bootstrap({ build: true });
  const chromium = needsBrowser(args) ? findChromium() : undefined;
  const guardian = startGuardian();
  let totals;
  try {
    const { services, preload, stop } = needServices(args)
      ? await startServices(guardian, { fresh: args.length === 0 })
      : noServices;
    const run = (jestArgs) => {
      say(['jest', ...jestArgs].join(' '));
      return runJest(jestArgs, { services, preload, guardian, chromium });
    };
    totals = await run(args);
    if (args.length === 0 || process.env.CI) totals = await withSecondTry(totals, run);
    await stop();
  } finally {
    await guardian.stopAll();
  }
  say(`tests took ${seconds(Date.now() - startedAt)}`);
  report(totals);
}

/** Unit tests touch no database, so that one file runs within a second or two. */
const needServices = (args) => someFolder(args, (name) => name !== 'unit' && name !== 'sandbox');

const needsBrowser = (args) => someFolder(args, (name) => name === 'browser');

/** Whether any requested folder of test/ needs a database; without arguments all are requested. */
function someFolder(args, isIt) {
  const names = args.flatMap((arg) => /^(?:\.\/)?test\/(\w*)/.exec(arg)?.[1] ?? []);
  return names.length === 0 || names.some(isIt);
}

/** More failed files than this are no accident. */
const secondTryFilesMax = 3;

/** The totals after a second try of the failed files, with `flaky`: the failures that it did not repeat. */
async function withSecondTry(first, run) {
  const files = first.failures.map(({ file }) => file);
  if (files.length === 0 || files.length > secondTryFilesMax) return first;
  const second = await run([...files, '--runInBand']);
  const sum = (what) =>
    first.failures.reduce((total, failure) => total - failure[what], first[what] + second[what]);
  const failedAgain = new Set(second.failures.map(({ file }) => file));
  return {
    ...second,
    passed: sum('passed'),
    failed: sum('failed'),
    skipped: sum('skipped'),
    flaky: first.failures.filter(({ file }) => !failedAgain.has(file)),
  };
}

/** Jest's own exit code counts beside the numbers: it is also non-zero when no test was found. */
async function runJest(jestArgs, { services, preload, guardian, chromium }) {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'holdfast-totals-'));
  guardian.removeDir(scratch);
  const totalsFile = path.join(scratch, 'totals.json');
  const env = {
    ...testEnv(),
    HOLDFAST_TEST_SERVICES: JSON.stringify(services),
    HOLDFAST_TEST_TOTALS: totalsFile,
  };
  if (preload) env.HOLDFAST_TEST_PRELOAD = preload;
  if (chromium) env.HOLDFAST_CHROMIUM = chromium;
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const ended = await runToEnd([jest, ...jestArgs], { env, guardian });
  return { ...readTotals(totalsFile), ...ended };
}

function runToEnd(args, { env, guardian }) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    if (child.pid) guardian.watch({ name: 'jest', pid: child.pid, rank: 0, escalation: 'atOnce' });
    const pass = (signal) => child.kill(signal);
    for (const signal of endingSignals) process.on(signal, pass);
    child.once('error', reject);
    child.once('exit', (code) => {
      guardian.forget(child.pid);
      for (const name of endingSignals) process.off(name, pass);
      resolve({ ok: code === 0 });
    });
  });
}

function readTotals(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // No totals: Jest crashed before it could count, which is a failure.
    return { passed: 0, failed: 1, skipped: 0, failures: [] };
  }
}

function report({ ok, passed, failed, skipped, failures, flaky = [] }) {
  const list = (what, found) => {
    for (const { file, tests } of found)
      for (const test of tests) process.stdout.write(`${what}: ${file}: ${test}\n`);
  };
  list('flaky', flaky);
  list('failed', failures);
  if (!ok || failed > 0 || passed === 0) process.exitCode = 1;
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
}

await main().catch(failWith);
