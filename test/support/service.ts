import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Child, prebundledArgs, root } from './child';
import { createTestDatabase, type TestDatabase } from './database';
import { Guardian } from './guardian';
import { freePort } from './ports';
import { type QueueBackend, redisServer } from './redis-server';

export interface ServiceOptions {
  queue: QueueBackend;
  apis?: number;
  workers?: number;
  /** For APIs, workers and the sandbox. */
  env?: NodeJS.ProcessEnv;
  /** Additional variables for one process, by its name. */
  envOf?: Record<string, NodeJS.ProcessEnv>;
  /** The compiled code to run; the build's by default. */
  dist?: string;
  /** The addresses of database and Redis if the caller made them, perhaps behind a proxy. */
  databaseUrl?: string;
  redisUrl?: string;
  /** The address of a payment provider that another service runs. */
  sandboxUrl?: string;
  /** The caller's servers by name, stopped with the rest. */
  servers?: Child[];
}

/** A whole service in separate processes, on its own database. Processes are named api-1, worker-1, sandbox, redis. */
export interface Service {
  /** Base URLs, one for each API process. */
  apis: string[];
  sandboxUrl: string;
  databaseUrl: string;
  /** The setting CELL of its processes. */
  cell: string | undefined;
  redisUrl?: string;
  /** All processes, also ended ones. */
  names: string[];
  pidOf(name: string): number | undefined;
  outputOf(name: string): string;
  /** The address of a process's metrics. */
  metricsUrlOf(name: string): string | undefined;
  kill(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** Stops it if it runs, and starts it at the same address; `env` applies from then on. */
  restart(name: string, env?: NodeJS.ProcessEnv): Promise<void>;
  /** Resolves when it has ended, for any reason. */
  ended(name: string): Promise<void>;
  /** Adds a process, perhaps of another build; returns its name. */
  launch(kind: 'api' | 'worker', own?: Own): Promise<string>;
  stop(): Promise<void>;
}

/** The settings of one process. */
interface Own {
  env?: NodeJS.ProcessEnv;
  dist?: string;
}

export async function startService(options: ServiceOptions): Promise<Service> {
  const guardian = new Guardian();
  const home = mkdtempSync(path.join(os.tmpdir(), 'holdfast-e2e-'));
  guardian.removeDir(home);
  const database = options.databaseUrl === undefined ? await createTestDatabase() : undefined;
  const started = new RunningService(options, { guardian, home, database });
  try {
    await started.startAll();
    return started;
  } catch (error) {
    await started.stop();
    throw error;
  }
}

class RunningService implements Service {
  readonly apis: string[] = [];
  readonly databaseUrl: string;
  readonly cell: string | undefined;
  sandboxUrl: string;
  redisUrl?: string;
  private readonly children = new Map<string, Child>();
  private readonly metricsUrls = new Map<string, string>();
  private workers = 0;

  constructor(
    private readonly options: ServiceOptions,
    private readonly made: { guardian: Guardian; home: string; database: TestDatabase | undefined },
  ) {
    this.databaseUrl = options.databaseUrl ?? made.database!.url;
    this.redisUrl = options.redisUrl;
    this.sandboxUrl = options.sandboxUrl ?? '';
    this.cell = options.env?.CELL;
  }

  async startAll(): Promise<void> {
    const { queue, apis = 1, workers = 1, servers = [] } = this.options;
    for (const server of servers) this.children.set(server.name, server);
    if (queue === 'redis' && this.redisUrl === undefined) await this.startRedis();
    const added = await Promise.all(Array.from({ length: apis }, () => this.addApi()));
    if (this.options.sandboxUrl === undefined) await this.startSandbox();
    added.push(...(await Promise.all(Array.from({ length: workers }, () => this.addWorker()))));
    // The sandbox's address is known only now.
    for (const child of added) child.setEnv({ STRIPE_API_URL: this.sandboxUrl });
    await Promise.all(added.map((child) => child.start()));
  }

  async launch(kind: 'api' | 'worker', own: Own = {}): Promise<string> {
    const child = await (kind === 'api' ? this.addApi(own) : this.addWorker(own));
    child.setEnv({ STRIPE_API_URL: this.sandboxUrl });
    await child.start();
    return child.name;
  }

  private async startRedis(): Promise<void> {
    const { child, url } = await redisServer(this.made.guardian);
    await child.start();
    this.children.set(child.name, child);
    this.redisUrl = url;
  }

  private async startSandbox(): Promise<void> {
    const shop = this.apis[0] ?? `http://127.0.0.1:${await freePort()}`;
    const port = await freePort();
    const settings = {
      SANDBOX_PORT: String(port),
      SANDBOX_WEBHOOK_URL: `${shop}/v1/payments/webhooks/stripe`,
    };
    const sandbox = this.add('sandbox', 'sandbox.js', /sandbox listening on/, settings);
    await sandbox.start();
    this.sandboxUrl = `http://127.0.0.1:${port}`;
  }

  private async addApi({ env, dist }: Own = {}): Promise<Child> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const name = `api-${this.apis.push(url)}`;
    this.metricsUrls.set(name, `${url}/metrics`);
    return this.add(name, 'main.js', /api listening on/, { PORT: String(port), ...env }, dist);
  }

  private async addWorker({ env, dist }: Own = {}): Promise<Child> {
    const name = `worker-${(this.workers += 1)}`;
    const port = await freePort();
    this.metricsUrls.set(name, `http://127.0.0.1:${port}/metrics`);
    return this.add(name, 'worker.js', /worker ready/, { METRICS_PORT: String(port), ...env }, dist);
  }

  private add(name: string, script: string, readyWhen: RegExp, own: NodeJS.ProcessEnv, dist?: string): Child {
    const dataDir = path.join(this.made.home, name);
    mkdirSync(dataDir);
    const { env, envOf, dist: distOfAll = path.join(root, 'dist') } = this.options;
    const addresses = { DATABASE_URL: this.databaseUrl, REDIS_URL: this.redisUrl };
    const spec = {
      name,
      command: process.execPath,
      args: ['--enable-source-maps', ...prebundledArgs, path.join(dist ?? distOfAll, script)],
      env: { ...process.env, HOLDFAST_DATA_DIR: dataDir, ...addresses, ...env, ...own, ...envOf?.[name] },
      readyWhen,
    };
    const child = new Child(spec, this.made.guardian);
    this.children.set(name, child);
    return child;
  }

  private child(name: string): Child {
    const child = this.children.get(name);
    if (child === undefined) throw new Error(`There is no process ${name}, only ${this.names.join(', ')}`);
    return child;
  }

  get names(): string[] {
    return [...this.children.keys()];
  }

  pidOf(name: string): number | undefined {
    return this.child(name).pid;
  }

  outputOf(name: string): string {
    return this.child(name).output;
  }

  metricsUrlOf(name: string): string | undefined {
    return this.metricsUrls.get(name);
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.child(name).kill(signal);
  }

  async ended(name: string): Promise<void> {
    await this.child(name).ended();
  }

  async restart(name: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
    const child = this.child(name);
    await child.stop();
    child.setEnv(env);
    await child.start();
  }

  /** Writers before what they write to, so that the stop is clean. */
  async stop(): Promise<void> {
    const writes = (child: Child): boolean => /^(api|worker)-/.test(child.name);
    const children = [...this.children.values()];
    await Promise.all(children.filter(writes).map((child) => child.stop()));
    await this.made.database?.drop();
    await Promise.all(children.filter((child) => !writes(child)).map((child) => child.stop()));
    this.made.guardian.dismiss();
    rmSync(this.made.home, { recursive: true, force: true });
  }
}
