import { readFileSync, readdirSync } from 'node:fs';

/** USER_HZ, which is 100 on every Linux of today. */
const ticksPerSecond = 100;

interface Stat {
  pid: number;
  parent: number;
  /** Its own CPU time and that of its ended children. */
  ticks: number;
}

/**
 * CPU seconds used by these processes and their descendants. Unlike orders per second, this hardly depends on other load on
 * the machine. 0 on systems without /proc.
 */
export function cpuSecondsOf(pids: number[]): number {
  const stats = allStats();
  const family = new Set(pids);
  // /proc lists children before or after their parents; these trees are at most three levels deep.
  for (let depth = 0; depth < 3; depth++)
    for (const { pid, parent } of stats) if (family.has(parent)) family.add(pid);
  const ticks = stats.filter(({ pid }) => family.has(pid)).reduce((sum, stat) => sum + stat.ticks, 0);
  return ticks / ticksPerSecond;
}

function allStats(): Stat[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => statOf(Number(name)) ?? []);
  } catch {
    return [];
  }
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name is in parentheses and may contain any character.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    return { pid, parent: Number(fields[1]), ticks };
  } catch {
    return undefined; // It has ended.
  }
}

/** Microseconds of CPU per piece of work, by kind of process. */
export function cpuEach(
  before: Record<string, number>,
  after: Record<string, number>,
  pieces: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([kind, seconds]) => [
      kind,
      Math.round((1e6 * (seconds - (before[kind] ?? 0))) / Math.max(1, pieces)),
    ]),
  );
}
export interface Memory {
  /** Resident, in MiB. */
  now: number;
  most: number;
}

/** The memory of a process now and at its peak. Undefined on systems without /proc. */
export function memoryOf(pid: number): Memory | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return undefined;
  }
  const mebibytes = (field: string) => {
    const [, kibibytes = '0'] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
    return Number(kibibytes) / 1_024;
  };
  return { now: mebibytes('VmRSS'), most: mebibytes('VmHWM') };
}
