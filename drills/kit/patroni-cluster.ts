import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Child, root } from '../../test/support/child';
import type { Guardian } from '../../test/support/guardian';
import { freePort } from '../../test/support/ports';
import { ask, signalAll, suspendAll } from './postgres-pair';
import { loadScripts } from './postgres-server';
import { reach } from './reach';

interface Programs {
  patroni: string;
  version: number;
  etcd: string;
  haproxy: string;
  bin: string;
}

interface PatroniNode {
  name: string;
  dir: string;
  patroni: Child;
  ports: { postgres: number; patroni: number };
}

const superuser = 'postgres:postgres';

/** Three nodes, etcd and HAProxy as deploy/ha sets them up, on the ports of this machine. */
export class PatroniCluster {
  private constructor(
    /** The main version of Patroni. */
    readonly version: number,
    private readonly nodes: PatroniNode[],
    private readonly port: number,
    private readonly guardian: Guardian,
  ) {}

  static async start(guardian: Guardian): Promise<PatroniCluster> {
    const programs = await findPrograms();
    const { sharedTmpDir, serverUser } = await loadScripts();
    const base = mkdtempSync(path.join(sharedTmpDir(), 'holdfast-patroni-'));
    guardian.removeDir(base);
    chmodSync(base, 0o711);
    const etcd = await startEtcd(guardian, programs, base);
    const config = path.join(base, 'patroni.yml');
    writeFileSync(config, configFor(programs.version));
    const nodes: PatroniNode[] = [];
    for (const name of ['node-1', 'node-2', 'node-3']) {
      const dir = path.join(base, name);
      mkdirSync(dir);
      if (serverUser.uid !== undefined) chownSync(dir, serverUser.uid, serverUser.gid!);
      const ports = { postgres: await freePort(), patroni: await freePort() };
      const patroni = new Child(
        {
          name,
          command: programs.patroni,
          args: [config],
          env: { ...process.env, ...environmentOf({ name, dir, ports, etcd, bin: programs.bin }) },
          readyWhen: /no action\. I am/,
          user: serverUser,
          cwd: dir,
        },
        guardian,
      );
      nodes.push({ name, dir, patroni, ports });
    }
    const cluster = new PatroniCluster(programs.version, nodes, await freePort(), guardian);
    await nodes[0]!.patroni.start();
    await Promise.all(nodes.slice(1).map(({ patroni }) => patroni.start()));
    await startProxy(guardian, programs, base, cluster);
    await cluster.isWhole();
    return cluster;
  }

  /** The superuser's URL of a database at the address that follows the primary. */
  get server(): string {
    return `postgres://${superuser}@127.0.0.1:${this.port}/postgres`;
  }

  /** `sync_state` of each standby, as the primary says. */
  async syncStates(): Promise<string[]> {
    const { ports } = await this.primary();
    const url = `postgres://${superuser}@127.0.0.1:${ports.postgres}/postgres`;
    const rows = await ask(url, 'SELECT sync_state FROM pg_stat_replication');
    return rows.map(({ sync_state: state }) => state as string);
  }

  /** Waits until there is a primary with two standbys, one of which each COMMIT waits for. */
  async isWhole(): Promise<void> {
    await reach('two standbys follow, one of them synchronously', async () => {
      const states = await this.syncStates();
      return states.length === 2 && states.some((state) => state !== 'async');
    });
    // Patroni's servers are not its children: nobody else would end them if this process were killed.
    for (const node of this.nodes) this.guardian.watch(node.name, postmasterOf(node)!);
  }

  async primary(): Promise<PatroniNode> {
    const found = await Promise.all(
      this.nodes.map(async (node) => (await statusOf(node, '/primary')) === 200 && node),
    );
    const node = found.find((one) => one !== false);
    if (!node) throw new Error('No node says that it is the primary');
    return node;
  }

  /** Kills a node: Patroni, and PostgreSQL with all its processes. */
  async kill(node: PatroniNode): Promise<void> {
    const postmaster = postmasterOf(node)!;
    // Patroni's output closes with its server's.
    const ended = node.patroni.kill('SIGKILL');
    signalAll([postmaster], 'SIGKILL');
    await ended;
    this.guardian.forget(postmaster);
  }

  /** Starts a killed node and waits until it follows. */
  async revive(node: PatroniNode): Promise<void> {
    await node.patroni.start();
    await this.isWhole();
  }

  /** Suspends a node, like its machine; connections stay open. Returns how to let it go on. */
  freeze(node: PatroniNode): () => void {
    return suspendAll([node.patroni.pid!, postmasterOf(node)!]);
  }

  /** A planned switchover to any standby that may take over. */
  async switchover(): Promise<void> {
    const { name, ports } = await this.primary();
    const answer = await fetch(`http://127.0.0.1:${ports.patroni}/switchover`, {
      method: 'POST',
      body: JSON.stringify({ leader: name }),
    });
    if (!answer.ok) throw new Error(`Patroni refuses the switchover: ${await answer.text()}`);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.nodes.map((node) => (postmasterOf(node) ? this.kill(node) : node.patroni.kill('SIGKILL'))),
    );
  }

  /** For haproxy.cfg. */
  get addresses(): Record<string, string> {
    const entries = this.nodes.flatMap(({ ports }, index) => [
      [`NODE_${index + 1}`, `127.0.0.1:${ports.postgres}`],
      [`NODE_${index + 1}_PATRONI`, String(ports.patroni)],
    ]);
    return { DATABASE_ADDRESS: `127.0.0.1:${this.port}`, ...Object.fromEntries(entries) };
  }
}

/** Quorum is of Patroni 4; earlier versions take the word for asynchronous. */
function configFor(version: number): string {
  const config = readFileSync(path.join(root, 'deploy/ha/patroni.yml'), 'utf8');
  const own = version < 4 ? config.replace('synchronous_mode: quorum', 'synchronous_mode: true') : config;
  if (version < 4 && own === config) throw new Error('deploy/ha/patroni.yml no longer says quorum');
  return own;
}

function environmentOf(node: Omit<PatroniNode, 'patroni'> & { etcd: string; bin: string }) {
  const postgres = `127.0.0.1:${node.ports.postgres}`;
  const patroni = `127.0.0.1:${node.ports.patroni}`;
  return {
    PATRONI_NAME: node.name,
    PATRONI_ETCD3_HOSTS: node.etcd,
    PATRONI_RESTAPI_LISTEN: patroni,
    PATRONI_RESTAPI_CONNECT_ADDRESS: patroni,
    PATRONI_POSTGRESQL_LISTEN: postgres,
    PATRONI_POSTGRESQL_CONNECT_ADDRESS: postgres,
    PATRONI_POSTGRESQL_DATA_DIR: path.join(node.dir, 'data'),
    PATRONI_POSTGRESQL_BIN_DIR: node.bin,
    PATRONI_POSTGRESQL_PGPASS: path.join(node.dir, 'pgpass'),
    PATRONI_SUPERUSER_PASSWORD: 'postgres',
    PATRONI_REPLICATION_PASSWORD: 'replicator',
  };
}

/** Returns its address. One member: the drill does not break it. */
async function startEtcd(guardian: Guardian, { etcd }: Programs, base: string): Promise<string> {
  const [client, peer] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const args = [
    ['--data-dir', path.join(base, 'etcd')],
    ['--listen-client-urls', `http://${client}`],
    ['--advertise-client-urls', `http://${client}`],
    ['--listen-peer-urls', `http://${peer}`],
    ['--initial-advertise-peer-urls', `http://${peer}`],
    ['--initial-cluster', `default=http://${peer}`],
  ].flat();
  const readyWhen = /ready to serve client requests/;
  await new Child({ name: 'etcd', command: etcd, args, env: process.env, readyWhen }, guardian).start();
  return client;
}

async function startProxy(
  guardian: Guardian,
  { haproxy }: Programs,
  base: string,
  cluster: PatroniCluster,
): Promise<void> {
  const config = path.join(base, 'haproxy.cfg');
  copyFileSync(path.join(root, 'deploy/ha/haproxy.cfg'), config);
  const env = { ...process.env, ...cluster.addresses };
  const proxy = new Child(
    { name: 'haproxy', command: haproxy, args: ['-db', '-f', config], env, readyWhen: /is DOWN/ },
    guardian,
  );
  await proxy.start();
  // It takes every node for a primary until its checks have failed.
  const standbys = () => new Set(proxy.output.match(/Server postgres\/\S+ is DOWN/g)).size;
  await reach('HAProxy knows the primary', async () => standbys() === 2);
}

const statusOf = ({ ports }: PatroniNode, route: string): Promise<number | undefined> =>
  fetch(`http://127.0.0.1:${ports.patroni}${route}`, { signal: AbortSignal.timeout(1_000) }).then(
    ({ status }) => status,
    () => undefined,
  );

/** The process of PostgreSQL, or undefined while it does not run. */
function postmasterOf({ dir }: PatroniNode): number | undefined {
  try {
    return Number(readFileSync(path.join(dir, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
}

async function findPrograms(): Promise<Programs> {
  const { findPatroni } = (await import(pathToFileURL(path.join(root, 'scripts/patroni.mjs')).href)) as {
    findPatroni(): Programs | { missing: string[] };
  };
  const found = findPatroni();
  if ('missing' in found) throw new Error(`This machine lacks ${found.missing.join(', ')}`);
  return found;
}
