// Whether a starting process still makes progress. CommonJS, because both the scripts and the tests load it.
const { readFileSync } = require('node:fs');
const { execFileSync } = require('node:child_process');

/** A start without output and CPU time for this long hangs: it waits only for its own work. */
const quietMsMax = 30_000;

/** A start that takes longer loops. About fifty times the duration on an idle machine. */
const startSecondsDefault = 300;

/** A gap between two checks counts as at most this: the watcher itself had no CPU or was suspended. */
const gapMsMax = 1_000;

/** How often the CPU time is read while there is no output. */
const lookEveryMs = 500;

/** HOLDFAST_START_SECONDS_MAX in ms. */
function startLimitMs(env = process.env) {
  const text = env.HOLDFAST_START_SECONDS_MAX || String(startSecondsDefault);
  if (/^\d{1,6}$/.test(text) && Number(text) >= 1) return Number(text) * 1_000;
  throw new RangeError(
    `HOLDFAST_START_SECONDS_MAX is "${text}", not a whole number of seconds from 1. Example: HOLDFAST_START_SECONDS_MAX=${startSecondsDefault}`,
  );
}

/**
 * Watches one start. The caller reports a line of output with `moved()`; CPU time of the process and its children is
 * read here. Poll `problem()`: undefined, or why to stop waiting.
 */
function watchStart(
  pid,
  { limitMs = startLimitMs(), quietMs = quietMsMax, now = Date.now, cpuOf = cpuTimeOf } = {},
) {
  let [waitedMs, quietForMs, lookedAgoMs] = [0, 0, 0];
  let [last, cpu] = [now(), cpuOf(pid)];
  const moved = () => (quietForMs = 0);
  return {
    moved,
    problem() {
      const gap = Math.min(now() - last, gapMsMax);
      last = now();
      waitedMs += gap;
      quietForMs += gap;
      lookedAgoMs += gap;
      if (lookedAgoMs >= lookEveryMs) {
        lookedAgoMs = 0;
        const used = cpuOf(pid);
        if (used !== cpu) moved();
        cpu = used;
      }
      const seconds = Math.round(waitedMs / 1_000);
      if (quietForMs >= quietMs)
        return `made no progress for ${Math.round(quietMs / 1_000)} s (no output, no CPU time) and was not ready after ${seconds} s`;
      if (waitedMs >= limitMs)
        return `was not ready after ${seconds} s, although it made progress. A slower machine needs more: HOLDFAST_START_SECONDS_MAX=${2 * Math.round(limitMs / 1_000)}`;
      return undefined;
    },
  };
}

/** CPU time of a process and its children, in the system's unit; undefined if the process is gone. */
function cpuTimeOf(pid) {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'time=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + ticksOf(one), 0);
  } catch {
    return undefined;
  }
}

function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  } catch {
    return []; // Not every kernel tells.
  }
}

/** Its own time and that of its ended children. */
function ticksOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name is in parentheses and may contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
  } catch {
    return 0;
  }
}

module.exports = { watchStart, startLimitMs, cpuTimeOf };
