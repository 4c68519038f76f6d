import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Child, root } from '../../test/support/child';
import { createDatabase } from '../../test/support/database';
import type { Guardian } from '../../test/support/guardian';
import { freePort } from '../../test/support/ports';

/** The part of the set-up scripts that is needed here. They are plain JavaScript, for they run before there is a compiler. */
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
  // A crash of the server loses nothing that it has acknowledged; only a crash of the machine would.
  'fsync=off',
  'full_page_writes=off',
];

export interface PostgresServer {
  child: Child;
  /** Of a migrated, empty database. */
  url: string;
}

/** A PostgreSQL that a drill may stop, crash and start again, with a database in it. */
export async function startPostgresServer(guardian: Guardian, dist: string): Promise<PostgresServer> {
  const scripts = await loadScripts();
  const base = mkdtempSync(path.join(scripts.sharedTmpDir(), 'holdfast-drill-'));
  guardian.removeDir(base);
  const { uid, gid } = scripts.serverUser;
  if (uid !== undefined && gid !== undefined) chownSync(base, uid, gid);
  const dir = path.join(base, 'data');
  const binaries = scripts.postgresBinaries();
  await scripts.initialise({ dir, binaries, durable: false, onSpawn: () => undefined });

  const port = await freePort();
  const child = new Child(
    {
      name: 'postgres',
      command: binaries.postgres,
      args: ['-D', dir, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
      env: process.env,
      readyWhen: /database system is ready to accept connections/,
      user: scripts.serverUser,
      cwd: dir,
      // Its fast shutdown; SIGTERM would wait until everybody has hung up.
      stopSignal: 'SIGINT',
    },
    guardian,
  );
  await child.start();
  const { url } = await createDatabase(`postgres://holdfast@127.0.0.1:${port}/postgres`);
  await migrate(url, dist);
  return { child, url };
}

async function loadScripts(): Promise<Scripts> {
  const load = (name: string) =>
    import(pathToFileURL(path.join(root, 'scripts', name)).href) as Promise<Scripts>;
  return { ...(await load('postgres-binaries.mjs')), ...(await load('postgres-data.mjs')) };
}

async function migrate(url: string, dist: string): Promise<void> {
  await promisify(execFile)(process.execPath, [path.join(dist, 'database', 'migrate.js')], {
    env: { ...process.env, DATABASE_URL: url },
  });
}
