import { readFileSync } from 'node:fs';

export interface Memory {
  /** Resident, in MiB. */
  now: number;
  most: number;
}

/** What a process has in memory, and had at its most. Undefined where the system keeps no such books. */
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
