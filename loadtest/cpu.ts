import { readFileSync, readdirSync } from 'node:fs';

/** What one second of a CPU is counted in, on every Linux of today. */
const ticksPerSecond = 100;

interface Stat {
  pid: number;
  parent: number;
  /** Its own time, and that of its children which have ended. */
  ticks: number;
}

/**
 * CPU seconds that these processes and all below them have used. Unlike orders per second it hardly suffers from others who
 * are at work on the machine. Nothing where the system keeps no such books.
 */
export function cpuSecondsOf(pids: number[]): number {
  const stats = allStats();
  const family = new Set(pids);
  // A child is always listed with a parent that is there, in whatever order; as deep as these trees are, twice will do.
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
    // The command's name stands in parentheses, and may hold any character.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    return { pid, parent: Number(fields[1]), ticks };
  } catch {
    return undefined; // It ended meanwhile.
  }
}

/** Microseconds of CPU for each of so many pieces of work, by kind of process. */
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
