// Runs drills, each in its own process, several at once.
import { fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { complain, say, seconds } from './console.mjs';
import { factsOf, gist, nameOf } from './drill-report.mjs';
import { root } from './processes.mjs';

const script = path.join(root, 'scripts', 'drill-process.mjs');

/** A drill takes 5 to 25 s, and several times that on a busy machine. Its own waits time out before this. */
const limitSecondsDefault = 600;

/** Additional seconds for each minute and pair of the command line. */
const limitSecondsMore = { minute: 60, pair: 6 };

/** A mutant that survives a quarter of a minute of chaos survives a whole one too. */
const mutantMinutes = 0.25;

/** Short, because a drill on a mutant may wait for something that never happens. */
const mutantPatienceMs = 12_000;

/** Runs `play` over all parts, at most `jobs` at once, in their order. */
export async function playAll(parts, jobs, play) {
  const results = new Array(parts.length);
  const waiting = parts.entries();
  const lane = async () => {
    for (const [index, part] of waiting) results[index] = await play(part);
  };
  await Promise.all(Array.from({ length: jobs }, lane));
  return results;
}

/**
 * One drill, or one of its mutants: `{ drill, mutant, outcome, ok, message, facts, ms, flaky }`. What a busy machine can
 * cause is played a second time, with other random choices: a failure that was not met, a wait that timed out, a mutant
 * that went unnoticed. A broken promise never is. `flaky` is the first try's message when the second one succeeded.
 */
export async function playOne(part, environment) {
  const first = await playOnce(part, environment, '');
  if (first.ok || (first.outcome === 'broken' && !first.late)) return first;
  say(`${nameOf(part)} is played a second time`);
  const options = { ...environment.options, seed: environment.options.seed + 1 };
  const second = await playOnce(part, { ...environment, options }, '-again');
  return second.ok ? { ...second, flaky: first.message ?? first.outcome } : second;
}

async function playOnce({ drill, mutant }, { dist, workDir, env, options }, suffix) {
  const what = mutant ? `mutant ${drill.name}/${mutant.name}` : `drill ${drill.name}`;
  say(`${what} begins: ${mutant ? mutant.why : drill.promise}`);
  const startedAt = Date.now();
  const ownDir = path.join(workDir, (mutant ? `${drill.name}-${mutant.name}` : drill.name) + suffix);
  mkdirSync(ownDir);
  const played = mutant ? { ...options, minutes: mutantMinutes } : options;
  const part = { name: drill.name, mutant: mutant?.name, dist, workDir: ownDir, options: played };
  const limitMs = 1_000 * limitSecondsOf(drill, options);
  const patience = mutant ? { HOLDFAST_TEST_PATIENCE_MS: String(mutantPatienceMs) } : {};
  const result = await inProcess(part, { env: { ...env, ...patience }, limitMs });
  const ok = mutant ? result.outcome === 'broken' : result.outcome === 'passed';
  const ms = Date.now() - startedAt;
  (ok ? say : complain)(`${what} ${verdict(result, mutant, ok)} (${seconds(ms)})${factsOf(result.facts)}`);
  if (!ok && result.message) complain(result.message.replace(/^/gm, '    '));
  if (ok && mutant) say(`    by: ${gist(result.message, 160)}`);
  return { drill, mutant, ok, ms, ...result };
}

function limitSecondsOf({ limitSeconds = limitSecondsDefault }, { minutes = 0, pairs = 0 }) {
  return limitSeconds + minutes * limitSecondsMore.minute + pairs * limitSecondsMore.pair;
}

function verdict({ outcome }, mutant, ok) {
  if (!mutant) return ok ? 'passed' : `FAILED (${outcome})`;
  return ok ? 'killed' : `SURVIVED (${outcome}): the drill does not notice that its guard is gone`;
}

function inProcess(part, { env, limitMs }) {
  return new Promise((resolve) => {
    const child = fork(script, [part.name, part.mutant ?? ''], {
      cwd: root,
      env,
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const said = [];
    child.stdout.on('data', (chunk) => said.push(chunk));
    child.stderr.on('data', (chunk) => said.push(chunk));
    let result;
    const limit = setTimeout(() => {
      result = { outcome: 'error', message: `It had not ended after ${limitMs / 1_000} s.`, facts: {} };
      child.kill('SIGKILL');
    }, limitMs);
    child.on('message', (message) => (result ??= message));
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      const last = Buffer.concat(said).toString().trim();
      result ??= {
        outcome: 'error',
        message: `It ended by itself (${signal ?? `exit ${code}`}).`,
        facts: {},
      };
      if (result.outcome === 'error' && last) result.message += `\n${last}`;
      resolve(result);
    });
    child.send(part);
  });
}
