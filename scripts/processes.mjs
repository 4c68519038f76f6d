// Finds living processes and ends them. No dependencies, no state.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Makes a folder and its missing parents. Node's own `recursive` never returns if a parent refuses with ENOENT (/proc).
 */
export function makeFolder(dir) {
  if (!existsSync(path.dirname(dir))) makeFolder(path.dirname(dir));
  try {
    mkdirSync(dir);
  } catch (error) {
    if (error.code !== 'EEXIST' || !statSync(dir).isDirectory()) throw error;
  }
}

/** Whether a module is the running program, not imported; works in a clone behind a symbolic link too. */
export const isMain = (moduleUrl) => realpathSync(process.argv[1]) === fileURLToPath(moduleUrl);

export const isRoot = process.getuid?.() === 0;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * The start time of the process with this pid, in the system's unit; undefined if there is none.
 *
 * A pid alone is not unique: after an unclean stop it may belong to another process. Pid and start time together are. A
 * zombie counts as gone: it runs nothing, and under a pid 1 that does not collect its children (containers) zombies
 * stay forever.
 */
export function birthOf(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The command name is in parentheses and may contain spaces and parentheses.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
    }
    const [state, ...born] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(/\s+/);
    return state.startsWith('Z') ? undefined : born.join(' ');
  } catch {
    return undefined;
  }
}

export const identify = (pid) => ({ pid, birth: birthOf(pid) });

export const isAlive = ({ pid, birth }) => birth !== undefined && birthOf(pid) === birth;

/** The command line of a process, or an empty string. */
export function commandOf(pid) {
  try {
    if (process.platform === 'linux') {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    }
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

async function isGoneWithin(entry, ms) {
  const end = Date.now() + ms;
  while (isAlive(entry)) {
    if (Date.now() >= end) return false;
    await sleep(20);
  }
  return true;
}

/** How to stop a program: each signal, and the time before the next one. */
export const escalations = {
  /** Node programs: finish work in flight (a payment call takes up to ten seconds), then exit. */
  service: [
    ['SIGTERM', 15_000],
    ['SIGKILL', 5_000],
  ],
  /** PostgreSQL: SIGINT is its fast shutdown, SIGQUIT leaves recovery to the next start. */
  postgres: [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ],
  /** For throw-away processes, whose state does not matter. */
  atOnce: [['SIGKILL', 5_000]],
  /** The same for PostgreSQL, which needs a moment to stop its backends. */
  postgresAtOnce: [
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ],
};

export async function stopProcess(entry, escalation = escalations.service) {
  for (const [signal, graceMs] of escalation) {
    if (!isAlive(entry)) return;
    try {
      process.kill(entry.pid, signal);
      // A suspended process (SIGSTOP) would never handle the signal.
      process.kill(entry.pid, 'SIGCONT');
    } catch {
      return; // Gone between the look and the kill.
    }
    if (await isGoneWithin(entry, graceMs)) return;
  }
}

/**
 * Stops processes rank by rank, lowest first, all of a rank at once: writers before what they write to. Entries are `{
 * pid, birth, rank, escalation }`, where `escalation` is a name from the table above.
 */
export async function stopInOrder(entries) {
  const ranks = [...new Set(entries.map((entry) => entry.rank))].sort((a, b) => a - b);
  for (const rank of ranks) {
    const members = entries.filter((entry) => entry.rank === rank);
    await Promise.all(members.map((entry) => stopProcess(entry, escalations[entry.escalation])));
  }
}

export function isPortFree(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
