import { cpSync, chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Pool } from 'pg';
import type { ChildProcess } from 'node:child_process';
import { root } from '../test/support/child';
import { HttpClient } from '../test/support/http-client';
import type { QueueBackend } from '../test/support/redis-server';
import { type Service, startService } from '../test/support/service';
import { cpuSecondsOf } from './cpu';
import type { Crowd } from './crowd';

/** The part of the set-up scripts that is needed here. They are plain JavaScript, for they run before there is a compiler. */
interface Scripts {
  startGuardian(): Guardian;
  sharedTmpDir(): string;
  startPostgres(options: {
    dataDir: string;
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

/** A running service as its buyers and its operator know it. */
export interface Site {
  apis: string[];
  metricsUrls: string[];
  admin: HttpClient;
  clientKey: string;
  /** Where the payment sandbox shows its books; undefined where nobody knows of one. */
  sandboxUrl: string | undefined;
  /** CPU seconds that each kind of process has used so far; nothing where that is not known. */
  cpuSeconds(): Record<string, number>;
  /** No order is on its way. */
  isAtRest(): Promise<boolean>;
  /** Our own; undefined where the service is somebody else's. */
  service?: Service;
  close(): Promise<void>;
}

export interface SiteOptions {
  apis?: number;
  workers?: number;
  queue?: QueueBackend;
  env?: NodeJS.ProcessEnv;
  databaseUrl?: string;
}

/** Nothing that is written per request; what goes wrong is still told. */
const quiet = { LOG_LEVEL: 'warn' };

/**
 * The ground that load tests of our own services stand on: a PostgreSQL as `npm start` runs it, which forces every commit
 * to disk (the one of the tests does not, and would flatter us), a template to clone databases from, and a copy of the
 * build, so that a build made meanwhile does not change what is measured.
 */
export class Stand {
  private readonly sites = new Set<Service>();

  private constructor(
    private readonly guardian: Guardian,
    readonly server: string,
    readonly dataDir: string,
    readonly dist: string,
    private readonly postgresPid: number,
  ) {}

  static async build(): Promise<Stand> {
    const scripts = await loadScripts();
    keepOnly(scripts.testEnv());
    const guardian = scripts.startGuardian();
    try {
      const dataDir = mkdtempSync(path.join(scripts.sharedTmpDir(), 'holdfast-load-'));
      // PostgreSQL does not run as root, and whoever it runs as must be able to come in.
      chmodSync(dataDir, 0o711);
      guardian.removeDir(dataDir);
      const { url, pid } = await scripts.startPostgres({
        dataDir,
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
      return new Stand(guardian, url, dataDir, copyOfBuild(guardian), pid);
    } catch (error) {
      await guardian.stopAll();
      throw error;
    }
  }

  /** A whole service on a database of its own, which is dropped with it, or on the given one, which stays. */
  async open({ queue = 'postgres', env, ...options }: SiteOptions = {}): Promise<Site> {
    const service = await startService({ ...options, queue, dist: this.dist, env: { ...quiet, ...env } });
    this.sites.add(service);
    const [api = ''] = service.apis;
    // One session for all looks: it is looked often, and a new one each time would be work for PostgreSQL.
    const db = new Pool({ connectionString: service.databaseUrl, max: 1 }).on('error', () => undefined);
    return {
      service,
      apis: service.apis,
      metricsUrls: service.names.flatMap((name) => service.metricsUrlOf(name) ?? []),
      admin: new HttpClient(api, 'hf_dev_admin'),
      clientKey: 'hf_dev_client',
      sandboxUrl: service.sandboxUrl,
      cpuSeconds: () => this.cpuSecondsOf(service),
      isAtRest: () => noSagaIsUnderWay(db),
      close: async () => {
        this.sites.delete(service);
        await db.end();
        await service.stop();
      },
    };
  }

  private cpuSecondsOf(service: Service): Record<string, number> {
    const kinds: Record<string, number[]> = { postgres: [this.postgresPid] };
    for (const name of service.names)
      (kinds[name.replace(/-\d+$/, '')] ??= []).push(service.pidOf(name) ?? 0);
    return Object.fromEntries(Object.entries(kinds).map(([kind, pids]) => [kind, cpuSecondsOf(pids)]));
  }

  /** Everything that was started, whatever it is at. */
  async stop(): Promise<void> {
    await Promise.allSettled([...this.sites].map((service) => service.stop()));
    await this.guardian.stopAll();
  }
}

/** Stops everything once, however often it is asked to: at the end, on Ctrl-C, or by both. */
export function stopping(crowd: Crowd, stand: Stand | undefined): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    crowd.dismiss();
    return (stopped ??= stand?.stop() ?? Promise.resolve());
  };
}

/** Asked of the database: among millions of orders the API would have to look for one that is not there. */
async function noSagaIsUnderWay(db: Pool): Promise<boolean> {
  const sql = `SELECT EXISTS (SELECT FROM sagas WHERE next_run_at IS NOT NULL) AS "isUnderWay"`;
  const { rows } = await db.query<{ isUnderWay: boolean }>(sql);
  return !rows[0]!.isUnderWay;
}

function copyOfBuild(guardian: Guardian): string {
  // Below the root, for that is where what it requires is looked for.
  const dir = path.join(root, '.holdfast-loadtest', `build-${process.pid}`);
  guardian.removeDir(dir);
  mkdirSync(dir, { recursive: true });
  cpSync(path.join(root, 'dist'), dir, { recursive: true });
  return dir;
}

/** Settings of a developer's shell would make a measurement differ from everybody else's. */
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
