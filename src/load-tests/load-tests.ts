import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import { notFound, refusal } from '../errors';
import { type Outcome, operatorAction } from '../audit-log/operator-action';
import type { Principal } from '../auth/auth.guard';
import { StreamTopics } from '../http/event-stream';
import { newId, publicId } from '../ids';
import { LoadTestRun } from './load-test-run';
import { type LoadTest, LoadTestFiles, waitingLane } from './load-test-files';
import type { NewLoadTestDto } from './load-tests.dto';

export const loadTestRunning = refusal(409, 'load_test_running', 'A load test is running');
export const loadTestNotFound = refusal(404, 'load_test_not_found', 'There is no such load test');

const root = join(__dirname, '../..');
const program = join(root, 'scripts', 'rehearsal.mjs');
const arrivalsPerSecond = 1_000;

/**
 * Runs the command line's load test against this service, in a child process so that it does not compete with the service
 * for one thread. One at a time, and never in production.
 */
@Injectable()
export class LoadTests implements OnModuleDestroy {
  private readonly files: LoadTestFiles;
  private run: LoadTestRun | undefined;
  /** The id of a load test that is about to begin and has no file yet. */
  private starting: string | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly adapter: HttpAdapterHost,
    topics: StreamTopics,
  ) {
    this.files = new LoadTestFiles(join(config.dataDir, 'load-tests'));
    topics.offer('run', async (id) => this.find(id));
  }

  find(id: string): LoadTest {
    this.refuseInProduction();
    const run = /^[\w-]{1,64}$/.test(id) ? this.files.read(id) : undefined;
    if (!run) throw loadTestNotFound(`There is no load test ${id.slice(0, 64)}.`);
    return run;
  }

  list(): LoadTest[] {
    this.refuseInProduction();
    return this.files.list();
  }

  /** A repeated key returns the load test that it started. */
  async start(settings: NewLoadTestDto, key: string | undefined, actor: Principal): Promise<LoadTest> {
    this.refuseInProduction();
    if (!existsSync(program))
      throw notFound(
        'This installation has no load test program. Run the service from a clone of the repository.',
      );
    const runId = newId();
    try {
      const outcome = await this.claim(runId, settings, key, actor);
      return outcome.status === 'replayed'
        ? this.find(publicId('run', outcome.resourceId))
        : this.begin(publicId('run', runId), settings, actor);
    } finally {
      if (this.starting === runId) this.starting = undefined;
    }
  }

  private claim(
    runId: string,
    { reason, ...settings }: NewLoadTestDto,
    key: string | undefined,
    actor: Principal,
  ): Promise<Outcome> {
    const object = { type: 'load_test' as const, id: publicId('run', runId) };
    const once = { key, operation: 'load-tests', request: { reason, ...settings }, resourceId: runId };
    return operatorAction(
      this.db,
      { transaction: 'operator-action', actor, reason, object, once },
      async () => {
        const others = this.starting !== undefined && this.starting !== runId;
        if (others || this.files.list().some(({ status }) => status === 'running'))
          throw loadTestRunning('A load test is already running. Wait until it ends, or stop it.');
        this.starting = runId;
        return { action: 'load-test.start', after: settings };
      },
    );
  }

  async stop(id: string, reason: string, actor: Principal): Promise<LoadTest> {
    const run = this.find(id);
    if (run.status !== 'running') return run;
    const object = { type: 'load_test' as const, id };
    await operatorAction(this.db, { transaction: 'operator-action', actor, reason, object }, async () => ({
      action: 'load-test.stop',
    }));
    this.files.requestStop(id);
    return this.find(id);
  }

  async onModuleDestroy(): Promise<void> {
    await this.run?.end();
  }

  private begin(id: string, settings: NewLoadTestDto, actor: Principal): LoadTest {
    const { buyers, units, strategies, declineRate, abandonRate } = settings;
    const rate = settings.rate ?? arrivalsPerSecond;
    const seed = settings.seed ?? randomInt(2 ** 31);
    const test: LoadTest = {
      object: 'load_test',
      id,
      status: 'running',
      startedAt: new Date().toISOString(),
      endedAt: null,
      startedBy: actor.name,
      ...{ buyers, units, rate, declineRate, abandonRate, seed },
      lanes: strategies.map(waitingLane),
      trouble: null,
    };
    this.files.begin(test);
    this.run = new LoadTestRun(test, this.spawn(test), this.files);
    return test;
  }

  private spawn({ id, lanes, ...test }: LoadTest): ChildProcess {
    const { port } = (this.adapter.httpAdapter.getHttpServer() as { address(): AddressInfo }).address();
    const args: Record<string, string | number> = {
      url: `http://127.0.0.1:${port}`,
      'sandbox-url': this.config.stripeApiUrl,
      out: this.files.folderOf(id),
      strategy: lanes.map(({ strategy }) => strategy).join(','),
      stock: test.units,
      buyers: test.buyers,
      rate: test.rate,
      'decline-rate': test.declineRate,
      'abandon-rate': test.abandonRate,
      seed: test.seed,
    };
    const argv = Object.entries(args).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const { admin, client } = this.config.bootstrapKeys;
    return spawn(process.execPath, [program, ...argv], {
      cwd: root,
      env: { ...process.env, HOLDFAST_ADMIN_KEY: admin, HOLDFAST_CLIENT_KEY: client },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
  }

  private refuseInProduction(): void {
    if (this.config.production) throw notFound('There are no load tests in production.');
  }
}
