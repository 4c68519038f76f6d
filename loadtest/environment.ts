import { execFile } from 'node:child_process';
import { cpSync, chmodSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Pool } from 'pg';
import type { ChildProcess } from 'node:child_process';
import { UsageError } from '../src/config/arguments';
import { root } from '../test/support/child';
import { createDatabase } from '../test/support/database';
import { HttpClient } from '../test/support/http-client';
import type { QueueBackend } from '../test/support/redis-server';
import { type Service, startService } from '../test/support/service';
import { cpuSecondsOf } from './process-usage';
import type { Crowd } from './crowd';

/** What is used of the set-up scripts, which are plain JavaScript because they run before there is a compiler. */
interface Scripts {
  startGuardian(): Guardian;
  sharedTmpDir(): string;
  postgresBinaries(): { postgres: string };
  startPostgres(options: {
    dataDir: string;
    extra: string[];
    onSpawn: (child: ChildProcess, name?: string) => void;
  }): Promise<{ url: string; pid: number }>;
  startTestServices(
    guardian: Guardian,
    options: { schemas: string[]; foreignServer: string },
  ): Promise<{ services: object }>;
  testEnv(): NodeJS.ProcessEnv;
}

interface Guardian {
  watch(entry: { name: string; pid: number; rank: number; escalation: string }): void;
  forget(pid: number): void;
  removeDir(dir: string): void;
  stopAll(): Promise<void>;
}

/** A running service, as buyers and operators see it. */
export interface Site {
  apis: string[];
  metricsUrls: string[];
  admin: HttpClient;
  clientKey: string;
  /** The payment sandbox, whose ledger is compared; undefined where none is known. */
  sandboxUrl: string | undefined;
  /** CPU seconds used so far, by kind of process; empty where unknown. */
  cpuSeconds(): Record<string, number>;
  /** No order is in progress. */
  isAtRest(): Promise<boolean>;
  /** Undefined for a service named by --url. */
  service?: Service;
  close(): Promise<void>;
}

export interface SiteOptions {
  apis?: number;
  workers?: number;
  queue?: QueueBackend;
  env?: NodeJS.ProcessEnv;
  databaseUrl?: string;
  build?: Build;
}

/** The compiled service of another clone, and a database with its tables to make copies of. */
export interface Build {
  name: string;
  dist: string;
  template: string;
}

/** No log line per request; warnings are still logged. */
const quiet = { LOG_LEVEL: 'warn' };

/**
 * What load tests need to start services: a PostgreSQL like that of `npm start`, which forces every commit to disk
 * (that of the tests does not, so results would be too good), a template to clone databases from, and a copy of the
 * build, so that a later build does not change what is measured.
 */
export class Environment {
  private readonly sites = new Set<Service>();

  private constructor(
    private readonly guardian: Guardian,
    readonly server: string,
    readonly dataDir: string,
    readonly dist: string,
    private readonly postgresPid: number,
  ) {}

  static async build(): Promise<Environment> {
    const scripts = await loadScripts();
    keepOnly(scripts.testEnv());
    const guardian = scripts.startGuardian();
    try {
      const dataDir = mkdtempSync(path.join(scripts.sharedTmpDir(), 'holdfast-load-'));
      // PostgreSQL runs as another user than root, who needs access to the folder.
      chmodSync(dataDir, 0o711);
      guardian.removeDir(dataDir);
      const { url, pid } = await scripts.startPostgres({
        dataDir,
        extra: extraSettings(scripts.postgresBinaries().postgres),
        onSpawn: (child, name = 'postgres') => {
          const childPid = child.pid;
          if (childPid === undefined) return;
          guardian.watch({ name, pid: childPid, rank: 9, escalation: 'postgresAtOnce' });
          child.once('exit', () => guardian.forget(childPid));
        },
      });
      const { services } = await scripts.startTestServices(guardian, {
        schemas: ['public'],
        foreignServer: url,
      });
      process.env.HOLDFAST_TEST_SERVICES = JSON.stringify(services);
      return new Environment(guardian, url, dataDir, copyOfBuild(guardian), pid);
    } catch (error) {
      await guardian.stopAll();
      throw error;
    }
  }

  /** Starts a service on a new database, which is dropped with it, or on the given one, which stays. */
  async open({ queue = 'postgres', env, build, ...options }: SiteOptions = {}): Promise<Site> {
    const database = build && (await createDatabase(this.server, { template: build.template }));
    const service = await startService({
      ...(database && { databaseUrl: database.url }),
      ...options,
      queue,
      dist: build?.dist ?? this.dist,
      env: { ...quiet, ...env },
    });
    this.sites.add(service);
    const [api = ''] = service.apis;
    // One connection for all polls, because opening a new one each time would load PostgreSQL.
    const db = new Pool({ connectionString: service.databaseUrl, max: 1 }).on('error', () => undefined);
    return {
      service,
      apis: service.apis,
      metricsUrls: service.names.flatMap((name) => service.metricsUrlOf(name) ?? []),
      admin: new HttpClient(api, 'hf_dev_admin'),
      clientKey: 'hf_dev_client',
      sandboxUrl: service.sandboxUrl,
      cpuSeconds: () => this.cpuSecondsOf(service),
      isAtRest: () => noSagaIsRunning(db),
      close: async () => {
        this.sites.delete(service);
        await db.end();
        await service.stop();
        await database?.drop();
      },
    };
  }

  /** The build of another clone, which must be built; it may be older, so its own migrations make its tables. */
  async otherBuild(clone: string): Promise<Build> {
    const dist = path.join(path.resolve(clone), 'dist');
    if (!existsSync(path.join(dist, 'worker.js')))
      throw new UsageError(`There is no build in ${dist}. Run "npm run build" in that clone first.`);
    const { url } = await createDatabase(this.server);
    const env = { ...process.env, DATABASE_URL: url };
    await promisify(execFile)(process.execPath, [path.join(dist, 'database', 'migrate.js')], { env });
    return { name: await commitOf(clone), dist, template: new URL(url).pathname.slice(1) };
  }

  private cpuSecondsOf(service: Service): Record<string, number> {
    const kinds: Record<string, number[]> = { postgres: [this.postgresPid] };
    for (const name of service.names)
      (kinds[name.replace(/-\d+$/, '')] ??= []).push(service.pidOf(name) ?? 0);
    return Object.fromEntries(Object.entries(kinds).map(([kind, pids]) => [kind, cpuSecondsOf(pids)]));
  }

  /** Stops everything that was started, in any state. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.sites].map((service) => service.stop()));
    await this.guardian.stopAll();
  }
}

/** Stops everything once, however often it is called: at the end, on Ctrl-C, or both. */
export function stopping(crowd: Crowd, environment: Environment | undefined): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    crowd.dismiss();
    return (stopped ??= environment?.stop() ?? Promise.resolve());
  };
}

/** Reads the database: with millions of orders the API would have to search for one that does not exist. */
async function noSagaIsRunning(db: Pool): Promise<boolean> {
  const sql = `SELECT EXISTS (SELECT FROM sagas WHERE next_run_at IS NOT NULL) AS "isRunning"`;
  const { rows } = await db.query<{ isRunning: boolean }>(sql);
  return !rows[0]!.isRunning;
}

async function commitOf(clone: string): Promise<string> {
  const args = ['-C', clone, 'rev-parse', '--short', 'HEAD'];
  const head = await promisify(execFile)('git', args).catch(() => undefined);
  return head?.stdout.trim() ?? path.basename(path.resolve(clone));
}

/** Room for ten workers, and the statistics of statements where the extension is there. */
function extraSettings(postgres: string): string[] {
  const library = path.resolve(postgres, '../../lib/postgresql/pg_stat_statements.so');
  return [
    'max_connections=600',
    ...(existsSync(library) ? ['shared_preload_libraries=pg_stat_statements'] : []),
  ];
}

function copyOfBuild(guardian: Guardian): string {
  // Below the root, so that it finds node_modules.
  const dir = path.join(root, '.holdfast-loadtest', `build-${process.pid}`);
  guardian.removeDir(dir);
  mkdirSync(dir, { recursive: true });
  cpSync(path.join(root, 'dist'), dir, { recursive: true });
  return dir;
}

/** Removes a developer's own settings, which would change the measurement. */
function keepOnly(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
}

async function loadScripts(): Promise<Scripts> {
  const load = (name: string) =>
    import(pathToFileURL(path.join(root, 'scripts', name)).href) as Promise<object>;
  const names = ['guardian.mjs', 'postgres-binaries.mjs', 'postgres.mjs', 'test-services.mjs'];
  return Object.assign({}, ...(await Promise.all(names.map(load)))) as Scripts;
}
