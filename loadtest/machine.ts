import { statfsSync } from 'node:fs';
import os from 'node:os';
import { withClient } from './database';

/** The machine of a measurement; without it a number means nothing. */
export interface Machine {
  at: string;
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  /** Other load at the start: near the number of cores or above it, the results are too low. */
  loadAverage: number;
  postgres?: string;
  disk?: string;
}

export async function machineNow(server?: string, dataDir?: string): Promise<Machine> {
  const cpus = os.cpus();
  return {
    at: new Date().toISOString(),
    cpu: cpus[0]?.model ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
    loadAverage: Number(os.loadavg()[0]!.toFixed(1)),
    ...(server && { postgres: await postgresAt(server) }),
    ...(dataDir && { disk: diskOf(dataDir) }),
  };
}

export const inOneLine = ({ cpu, cores, memoryGiB, system, node, loadAverage, postgres, disk }: Machine) =>
  [
    `${cores} × ${cpu}, ${memoryGiB} GiB, ${system}`,
    `Node ${node}`,
    postgres,
    disk,
    `load ${loadAverage} at the start`,
  ]
    .filter(Boolean)
    .join('; ');

function postgresAt(server: string): Promise<string> {
  return withClient(server, async (client) => {
    const settings = ['server_version', 'fsync', 'synchronous_commit', 'shared_buffers'];
    const { rows } = await client.query<{ name: string; value: string }>(
      `SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name`,
      [settings],
    );
    const of = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
    return `PostgreSQL ${of.server_version} (fsync ${of.fsync}, synchronous_commit ${of.synchronous_commit}, shared_buffers ${of.shared_buffers})`;
  });
}

/** From linux/magic.h. On tmpfs a commit costs nothing, so the results are useless. */
const fileSystems: Record<number, string> = {
  0xef53: 'ext4',
  0x9123683e: 'btrfs',
  0x58465342: 'xfs',
  0x794c7630: 'overlayfs',
  0x01021994: 'tmpfs (memory: nothing here is forced to a disk)',
};

function diskOf(dataDir: string): string {
  const name = fileSystems[statfsSync(dataDir).type] ?? 'an unknown file system';
  return `data on ${name}`;
}

/** Warns that the machine is too busy for a measurement. */
export function busyWarning({ loadAverage, cores }: Machine): string | undefined {
  if (loadAverage < cores / 2) return undefined;
  return `The load average is ${loadAverage} on ${cores} cores: other programs are running, and the results will be too low.`;
}
