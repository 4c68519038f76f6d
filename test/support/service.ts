import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Child, root } from './child';
import { createTestDatabase, type TestDatabase } from './database';
import { Guardian } from './guardian';
import { freePort } from './ports';
import { startRedis, type QueueBackend } from './redis';

export interface ServiceOptions {
  queue: QueueBackend;
  apis?: number;
  workers?: number;
  /** For the APIs, the workers and the sandbox alike. */
  env?: NodeJS.ProcessEnv;
}

/** A whole service in processes of its own, on a database of its own. Processes are named api-1, worker-1, sandbox, redis. */
export interface Service {
  /** Base URLs, one for each API process. */
  apis: string[];
  sandboxUrl: string;
  databaseUrl: string;
  redisUrl?: string;
  pidOf(name: string): number | undefined;
  outputOf(name: string): string;
  kill(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** Stops it if it runs, and starts it at the same address; `env` holds from then on. */
  restart(name: string, env?: NodeJS.ProcessEnv): Promise<void>;
  stop(): Promise<void>;
}

export async function startService(options: ServiceOptions): Promise<Service> {
  const guardian = new Guardian();
  const home = mkdtempSync(path.join(os.tmpdir(), 'holdfast-e2e-'));
  guardian.removeDir(home);
  const database = await createTestDatabase();
  const started = new RunningService(database, guardian, home);
  try {
    await started.startAll(options);
    return started;
  } catch (error) {
    await started.stop();
    throw error;
  }
}

class RunningService implements Service {
  readonly apis: string[] = [];
  readonly databaseUrl: string;
  sandboxUrl = '';
  redisUrl?: string;
  private readonly children = new Map<string, Child>();

  constructor(
    private readonly database: TestDatabase,
    private readonly guardian: Guardian,
    private readonly home: string,
  ) {
    this.databaseUrl = database.url;
  }

  async startAll({ queue, apis = 1, workers = 1, env = {} }: ServiceOptions): Promise<void> {
    const ports = await Promise.all(Array.from({ length: apis }, freePort));
    this.apis.push(...ports.map((port) => `http://127.0.0.1:${port}`));
    if (queue === 'redis') await this.startRedis();
    await this.startSandbox(env, ports[0] ?? (await freePort()));

    const shared = {
      ...env,
      DATABASE_URL: this.databaseUrl,
      REDIS_URL: this.redisUrl,
      STRIPE_API_URL: this.sandboxUrl,
    };
    const started = [
      ...ports.map((port, i) =>
        this.add(`api-${i + 1}`, 'dist/main.js', /api listening on/, { ...shared, PORT: String(port) }),
      ),
      ...Array.from({ length: workers }, (_, i) =>
        this.add(`worker-${i + 1}`, 'dist/worker.js', /worker ready/, shared),
      ),
    ];
    await Promise.all(started.map((child) => child.start()));
  }

  private async startRedis(): Promise<void> {
    const { child, url } = await startRedis(this.guardian);
    this.children.set(child.name, child);
    this.redisUrl = url;
  }

  private async startSandbox(env: NodeJS.ProcessEnv, apiPort: number): Promise<void> {
    const webhooks = `http://127.0.0.1:${apiPort}/v1/payments/webhooks/stripe`;
    const settings = { ...env, SANDBOX_PORT: '0', SANDBOX_WEBHOOK_URL: webhooks };
    const sandbox = this.add('sandbox', 'dist/sandbox.js', /sandbox listening on/, settings);
    const line = await sandbox.start();
    this.sandboxUrl = /http:\/\/\S+/.exec(line)?.[0] ?? '';
    // Started again after a kill, it must be found where the others look for it.
    sandbox.setEnv({ SANDBOX_PORT: new URL(this.sandboxUrl).port });
  }

  private add(name: string, script: string, readyWhen: RegExp, env: NodeJS.ProcessEnv): Child {
    const dataDir = path.join(this.home, name);
    mkdirSync(dataDir);
    const spec = {
      name,
      command: process.execPath,
      args: ['--enable-source-maps', path.join(root, script)],
      env: { ...process.env, HOLDFAST_DATA_DIR: dataDir, ...env },
      readyWhen,
    };
    const child = new Child(spec, this.guardian);
    this.children.set(name, child);
    return child;
  }

  private child(name: string): Child {
    const child = this.children.get(name);
    if (child === undefined)
      throw new Error(`There is no process ${name}, only ${[...this.children.keys()].join(', ')}`);
    return child;
  }

  pidOf(name: string): number | undefined {
    return this.child(name).pid;
  }

  outputOf(name: string): string {
    return this.child(name).output;
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.child(name).kill(signal);
  }

  async restart(name: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
    const child = this.child(name);
    await child.stop();
    child.setEnv(env);
    await child.start();
  }

  /** Those that write before what they write to, so that a clean stop stays clean to the end. */
  async stop(): Promise<void> {
    const isProvider = (child: Child): boolean => child.name === 'sandbox' || child.name === 'redis';
    const children = [...this.children.values()];
    await Promise.all(children.filter((child) => !isProvider(child)).map((child) => child.stop()));
    await Promise.all(children.filter(isProvider).map((child) => child.stop()));
    await this.database.drop();
    this.guardian.dismiss();
    rmSync(this.home, { recursive: true, force: true });
  }
}
