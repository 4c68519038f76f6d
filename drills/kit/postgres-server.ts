import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Child, prebundledArgs, root } from '../../test/support/child';
import { createDatabase } from '../../test/support/database';
import type { Guardian } from '../../test/support/guardian';
import { freePort } from '../../test/support/ports';

/** The set-up scripts used here. They are plain JavaScript because they run before a compiler is installed. */
interface Scripts {
  postgresBinaries(): { initdb: string; postgres: string };
  serverUser: { uid?: number; gid?: number };
  sharedTmpDir(): string;
  initialise(cluster: {
    dir: string;
    binaries: object;
    durable: boolean;
    onSpawn: () => void;
  }): Promise<boolean>;
}

const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  // A crash of the server loses nothing acknowledged; only a crash of the machine would.
  'fsync=off',
  'full_page_writes=off',
];

export interface PostgresServer {
  child: Child;
  /** URL of a migrated, empty database. */
  url: string;
}

export interface DemotablePostgres extends PostgresServer {
  /** From its next start it is a read-only standby, until it is promoted. */
  demote(): void;
}

/** A PostgreSQL with a database, to stop, crash and restart. */
export async function startPostgresServer(guardian: Guardian, dist: string): Promise<DemotablePostgres> {
  const { dir, start } = await newCluster(guardian);
  const { child, port } = await start('postgres', dir);
  const demote = () => writeFileSync(path.join(dir, 'standby.signal'), '');
  return { child, url: await createMigrated(port, dist), demote };
}

/** A new data folder, and a function to start a server on it; `own`: of other programs than the embedded ones. */
export async function newCluster(guardian: Guardian, own?: { initdb: string; postgres: string }) {
  const scripts = await loadScripts();
  const base = mkdtempSync(path.join(scripts.sharedTmpDir(), 'holdfast-drill-'));
  guardian.removeDir(base);
  const { uid, gid } = scripts.serverUser;
  if (uid !== undefined && gid !== undefined) chownSync(base, uid, gid);
  const binaries = own ?? scripts.postgresBinaries();
  const dir = path.join(base, 'data');
  await scripts.initialise({ dir, binaries, durable: false, onSpawn: () => undefined });

  const start = async (name: string, dataDir: string, more: string[] = []) => {
    const port = await freePort();
    const all = [...settings, ...more].flatMap((setting) => ['-c', setting]);
    const child = new Child(
      {
        name,
        command: binaries.postgres,
        args: ['-D', dataDir, '-p', String(port), ...all],
        env: process.env,
        readyWhen: /database system is ready to accept (read-only )?connections/,
        user: scripts.serverUser,
        cwd: dataDir,
        // PostgreSQL's fast shutdown; SIGTERM would wait for all clients to disconnect.
        stopSignal: 'SIGINT',
      },
      guardian,
    );
    await child.start();
    return { child, port };
  };
  return { dir, start };
}

/** `server`: its URL, or the port of one that is made here. */
export async function createMigrated(server: string | number, dist: string): Promise<string> {
  const { url } = await createDatabase(
    typeof server === 'string' ? server : `postgres://holdfast@127.0.0.1:${server}/postgres`,
  );
  await migrate(url, dist);
  return url;
}

export async function loadScripts(): Promise<Scripts> {
  const load = (name: string) =>
    import(pathToFileURL(path.join(root, 'scripts', name)).href) as Promise<Scripts>;
  return { ...(await load('postgres-binaries.mjs')), ...(await load('postgres-data.mjs')) };
}

async function migrate(url: string, dist: string): Promise<void> {
  const script = path.join(dist, 'database', 'migrate.js');
  await promisify(execFile)(process.execPath, [...prebundledArgs, script], {
    env: { ...process.env, DATABASE_URL: url },
  });
}
