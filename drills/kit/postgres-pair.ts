import { execFile } from 'node:child_process';
import { chownSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { Child } from '../../test/support/child';
import type { Guardian } from '../../test/support/guardian';
import { TcpProxy } from '../../test/support/tcp-proxy';
import { createMigrated, newCluster } from './postgres-server';
import { reach } from './reach';

export interface PairedServer {
  child: Child;
  dir: string;
  /** URL of the shop's database there, not through the address. */
  url: string;
}

type Start = Awaited<ReturnType<typeof newCluster>>['start'];

/** WAL for a standby that is built while orders come in. */
const keepWal = 'wal_keep_size=256MB';

/**
 * A primary and a standby fed by streaming replication, with what a cluster manager does: fail over, and build a new standby.
 * The embedded PostgreSQL ships no pg_basebackup and no pg_rewind, so a standby is a copy of the folder.
 */
export class PostgresPair {
  private built = 1;

  private constructor(
    /** Where clients connect. It leads to the primary. */
    readonly address: TcpProxy,
    /** Replication goes through it. */
    readonly link: TcpProxy,
    public primary: PairedServer,
    public standby: PairedServer,
    private readonly startServer: Start,
  ) {}

  /** Asynchronous until `waitForStandby`. The standby is made before the primary was ever started, so it needs no backup. */
  static async start(guardian: Guardian, dist: string): Promise<PostgresPair> {
    const { dir, start } = await newCluster(guardian);
    const copy = `${dir}-1`;
    await promisify(execFile)('cp', ['-a', dir, copy]);
    const { child, port } = await start('postgres', dir, [keepWal]);
    const link = await TcpProxy.before(`postgres://holdfast@127.0.0.1:${port}/postgres`);
    const standby = await startStandby(start, { name: 'standby', dir: copy, link });
    const url = await createMigrated(port, dist);
    return new PostgresPair(
      await TcpProxy.before(url),
      link,
      { child, dir, url },
      { child: standby.child, dir: copy, url: withPort(url, standby.port) },
      start,
    );
  }

  /** The address as `DATABASE_URL`. */
  get url(): string {
    return this.address.url;
  }

  /** From here on a COMMIT waits for the standby. Resolves when it follows. */
  async waitForStandby(): Promise<void> {
    await ask(this.primary.url, `ALTER SYSTEM SET synchronous_standby_names = 'standby'`);
    await ask(this.primary.url, 'SELECT pg_reload_conf()');
    await reach('the standby is synchronous', async () => {
      const [row] = await ask(this.primary.url, 'SELECT sync_state FROM pg_stat_replication');
      return row?.sync_state === 'sync';
    });
  }

  async standbyHasAll(): Promise<void> {
    const [{ end }] = await ask(this.primary.url, 'SELECT pg_current_wal_lsn() AS end');
    await reach('the standby has everything', async () => {
      const [{ there }] = await ask(this.standby.url, `SELECT pg_last_wal_replay_lsn() >= '${end}' AS there`);
      return there as boolean;
    });
  }

  /**
   * Promotes the standby, which then waits for no other, and moves the address. What happened to the old primary before is
   * the caller's. Connections that clients have are not cut.
   */
  async promote(): Promise<void> {
    await ask(this.standby.url, 'SELECT pg_promote()');
    [this.primary, this.standby] = [this.standby, this.primary];
    await ask(this.primary.url, 'ALTER SYSTEM RESET synchronous_standby_names');
    await ask(this.primary.url, 'SELECT pg_reload_conf()');
    this.address.redirect(this.primary.url);
    this.link.redirect(this.primary.url);
  }

  /** Replaces the standby, which has ended, by a fresh copy of the primary, while that serves. */
  async rebuildStandby(): Promise<void> {
    const dir = `${this.primary.dir}-${++this.built}`;
    const client = new Client({ connectionString: this.primary.url });
    await client.connect();
    try {
      await client.query(`SELECT pg_backup_start('standby', true)`);
      // Files that vanish meanwhile are an error of cp, and of no copy: the WAL has what became of them.
      await promisify(execFile)('cp', ['-a', this.primary.dir, dir]).catch(() => undefined);
      const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop()');
      writeOwned(dir, 'backup_label', rows[0]!.labelfile);
    } finally {
      await client.end();
    }
    rmSync(path.join(dir, 'postmaster.pid'), { force: true });
    const { child, port } = await startStandby(this.startServer, {
      name: `standby-${this.built}`,
      dir,
      link: this.link,
    });
    this.standby = { child, dir, url: withPort(this.primary.url, port) };
  }

  async close(): Promise<void> {
    await Promise.all([this.address.close(), this.link.close()]);
  }
}

/** Suspends a server as a whole, like its machine; the connections stay open. Returns how to let it go on. */
export function suspend({ child }: PairedServer): () => void {
  return suspendAll([child.pid!]);
}

/** The same for several processes with their children. */
export function suspendAll(pids: number[]): () => void {
  // Twice, for backends that were started in between.
  signalAll(pids, 'SIGSTOP');
  signalAll(pids, 'SIGSTOP');
  return () => signalAll(pids, 'SIGCONT');
}

/** Sends a signal to processes and their children. */
export function signalAll(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids.flatMap((parent) => [parent, ...childrenOf(parent)])) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended in between.
    }
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]) === parent;
      } catch {
        return false; // It has ended.
      }
    })
    .map(Number);
}

async function startStandby(
  start: Start,
  { name, dir, link }: { name: string; dir: string; link: TcpProxy },
): Promise<{ child: Child; port: number }> {
  writeOwned(dir, 'standby.signal', '');
  const { port } = new URL(link.url);
  const source = `primary_conninfo=host=127.0.0.1 port=${port} user=holdfast application_name=standby`;
  return start(name, dir, [source, keepWal]);
}

/** As the owner of the folder, because PostgreSQL must not run as root. */
function writeOwned(dir: string, name: string, content: string): void {
  const file = path.join(dir, name);
  writeFileSync(file, content);
  const { uid, gid } = statSync(dir);
  chownSync(file, uid, gid);
}

function withPort(url: string, port: number): string {
  const other = new URL(url);
  other.port = String(port);
  return other.href;
}

export async function ask(url: string, sql: string): Promise<any[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
