// What the set-up scripts print: one line per stage, with how long it took. No dependencies: used before `npm ci`.

const prefix = '[holdfast]';

export function say(line) {
  process.stdout.write(`${prefix} ${line}\n`);
}

export function complain(line) {
  process.stderr.write(`${prefix} ${line}\n`);
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** An error that the user can fix. Its message says everything, so no stack is printed. */
export class SetupError extends Error {}

/**
 * A wrong argument, or a call that makes no sense here. Recognized by name, because src/config/arguments.ts has another
 * such class.
 */
export class UsageError extends Error {
  name = 'UsageError';
}

/** Runs one stage and prints its line at the end; `work` may return a better text for that line. */
export async function stage(what, work) {
  const since = Date.now();
  const outcome = await work();
  say(`${typeof outcome === 'string' ? outcome : what} (${seconds(Date.now() - since)})`);
  return outcome;
}

/** Often enough that the stage does not look hung. */
const progressEveryMs = 3_000;

/** For stages that may take a minute: a line at the start, then one every few seconds. */
export async function longStage(what, { progress }, work) {
  const since = Date.now();
  say(`${what} …`);
  const ticker = setInterval(
    () => say(`  ${progress()} after ${seconds(Date.now() - since)}`),
    progressEveryMs,
  );
  try {
    await work();
  } finally {
    clearInterval(ticker);
  }
  say(`  done (${seconds(Date.now() - since)})`);
}

/** The error handler of every entry point: one line for what the user can fix, a stack for a bug. */
export function failWith(error) {
  const isUsage = error?.name === 'UsageError';
  const isFixable = isUsage || error instanceof SetupError;
  complain(isFixable ? error.message : (error?.stack ?? String(error)));
  process.exitCode = isUsage ? 2 : 1;
}
