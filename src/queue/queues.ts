import { Queue, Worker, createPostgresBackend, type Job } from 'bullmq';
import { Counter } from 'prom-client';
import type { Config } from '../config/config';
import type { RedisAddress } from '../config/redis-url';
import { addTo } from './add-jobs';
import { IdleConsumers } from './idle-consumers';
import type { JobData } from './message-jobs';
import { patientBackend } from './patient-backend';
import { proveQueueTables, queueConnection, unusable } from './queue-tables';
import { type RedisConnection, connectRedis, within } from './redis-connection';
import { RedisProbe } from './redis-probe';

/**
 * BullMQ as a wake-up signal: a job says that something is due, and nothing depends on its arrival.
 *
 * Four queues, so that an expiry never waits behind a webhook. On Redis when REDIS_URL is set, else on BullMQ's
 * PostgreSQL backend; both run the same code. Queues are opened on first use and reopened after a failure, because a
 * producer that fails fast cannot be made while Redis is away.
 */
export const queueNames = ['checkout', 'compensation', 'expiry', 'events'] as const;
export type QueueName = (typeof queueNames)[number];

export interface NewJob {
  queue: QueueName;
  /** At most once per id while the job is kept: `<message id>-<relay epoch>`, no colon, not all digits. */
  id: string;
  name: string;
  data: JobData;
  delayMs?: number;
}

export interface StartedJob {
  name: string;
  data: JobData;
  /** How often its handler was started, this time included; counted by the queue before the handler runs. */
  starts: number;
}

export type JobHandler = (job: StartedJob) => Promise<void>;

/** A producer's command that takes longer than this counts as lost; the outbox sends its message again. */
const producerTimeoutMs = 1_000;

/** How long a connection may take to close. */
const closeTimeoutMs = 1_000;

/** Connecting and reading the version of BullMQ's tables. */
const openTimeoutMs = 15_000;

const defaultJobOptions = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 500, jitter: 1 },
  removeOnComplete: true,
  removeOnFail: { count: 1_000 },
};

export const jobsDone = new Counter({
  name: 'holdfast_jobs_done_total',
  help: 'Jobs that came to an end in this process, well or not.',
  labelNames: ['queue'],
});

export const queueErrors = new Counter({
  name: 'holdfast_queue_errors_total',
  help: 'Errors that a consumer reported of its queue.',
  labelNames: ['queue'],
});

/** A consumer of this process. */
export interface RunningConsumer {
  name: QueueName;
  concurrency: number;
  active: number;
}

interface OpenQueue {
  queue: Queue;
  ready: Promise<unknown>;
  connecting: boolean;
  /** Its own connection; undefined on PostgreSQL. */
  client: RedisConnection | undefined;
}

interface Consumer extends RunningConsumer {
  /** Jobs that it took so far. */
  taken: number;
  process: (job: Job<JobData>) => Promise<void>;
  /** Undefined until it could be made. */
  worker?: Worker;
  /** The worker's own connection; undefined on PostgreSQL. */
  client?: RedisConnection;
}

export class Queues {
  private readonly open = new Map<QueueName, OpenQueue>();
  private consumers: Consumer[] = [];
  private readonly redisClients = new Set<RedisConnection>();
  private readonly active = new Set<Promise<void>>();
  private lastError: Error | undefined;
  private probe: RedisProbe | undefined;
  private readonly idle = new IdleConsumers<Consumer>(
    ({ name }) => this.ask(name, (queue) => queue.getWaitingCount()),
    (consumer) => this.openConsumer(consumer),
  );

  constructor(private readonly config: Config) {}

  get backend(): 'redis' | 'postgres' {
    return this.config.redis ? 'redis' : 'postgres';
  }

  /** What is wrong with the queues now, or undefined when all is well. Asks Redis; waits for at most half a second. */
  async trouble(): Promise<string | undefined> {
    const { redis, queuesEnabled } = this.config;
    if (!redis || !queuesEnabled) return this.lastError?.message;
    this.probe ??= new RedisProbe(
      redis,
      queueNames.map((name) => this.prefixOf(name)),
    );
    return this.probe.trouble();
  }

  /** Adds all jobs or throws; a job that was added before the failure may come twice, under the same id. */
  async add(jobs: NewJob[]): Promise<void> {
    for (const name of queueNames) {
      const own = jobs.filter((job) => job.queue === name);
      if (own.length === 0) continue;
      await this.ask(name, (queue) => addTo(queue, own));
    }
  }

  /** Adds a job unless others wait in its queue: then no consumer is idle, and the job would only wait too. */
  async offer(job: NewJob): Promise<void> {
    const waiting = await this.ask(job.queue, (queue) => queue.getWaitingCount());
    if (waiting === 0) await this.add([job]);
  }

  /** Asks BullMQ about one queue; throws when it does not answer within a second. */
  async ask<T>(name: QueueName, question: (queue: Queue) => Promise<T>): Promise<T> {
    const opened = this.open.get(name) ?? this.openQueue(name);
    try {
      const answer = await within(
        producerTimeoutMs,
        opened.ready.then(() => question(opened.queue)),
      );
      this.lastError = undefined;
      return answer;
    } catch (error) {
      this.lastError = error as Error;
      // A slow first connection to PostgreSQL is still being made, and serves the next call.
      if (!opened.connecting || this.config.redis) this.forget(name, opened);
      throw error;
    }
  }

  /** The consumers of this process, for the heartbeat. */
  running(): RunningConsumer[] {
    return this.consumers
      .filter(({ worker }) => worker !== undefined)
      .map(({ name, concurrency, active }) => ({ name, concurrency, active }));
  }

  /**
   * Adds a consumer, which `openConsumers` starts. Its failures are retried by BullMQ a few times and by the outbox's
   * re-relay after that.
   */
  work(name: QueueName, concurrency: number, handle: JobHandler): void {
    const process = async (job: Job<JobData>) => {
      const work = handle({ name: job.name, data: job.data, starts: job.attemptsStarted });
      this.active.add(work);
      consumer.active += 1;
      consumer.taken += 1;
      await work.finally(() => {
        this.active.delete(work);
        consumer.active -= 1;
        jobsDone.inc({ queue: name });
      });
    };
    const consumer: Consumer = { name, concurrency, active: 0, taken: 0, process };
    this.consumers.push(consumer);
  }

  /**
   * Resolves when every consumer takes jobs. Throws an error that says what to do when one cannot, and is then called
   * again. On Redis it does not wait: a worker there connects when Redis is up.
   */
  async openConsumers(): Promise<void> {
    const missing = this.consumers.filter(({ worker }) => !worker?.isRunning());
    if (missing.length === 0) return;
    if (!this.config.redis) {
      // guard: queue-tables-proved
      await proveQueueTables(this.onPostgres().connection);
    }
    const opened = await Promise.allSettled(missing.map((consumer) => this.openConsumer(consumer)));
    for (const one of opened) if (one.status === 'rejected') throw one.reason;
  }

  /** Closes consumers that take no jobs although some wait, and opens them again. Called every few seconds. */
  async rebuildIdleConsumers(report: (line: string) => void): Promise<void> {
    const running = this.consumers.filter(({ worker }) => worker?.isRunning());
    await this.idle.look(running, report);
  }

  private async openConsumer(consumer: Consumer): Promise<void> {
    if (!this.config.redis) return this.openOnPostgres(consumer);
    if (!this.consumers.includes(consumer)) return;
    const { name, process } = consumer;
    const client = this.redis(this.config.redis, 'worker');
    const options = { ...optionsOf(consumer), ...this.onRedis(name, client) };
    this.keep(consumer, new Worker(name, process, options), client);
  }

  /** A worker whose first connection fails would retry forever without a pause, so it runs only once that is made. */
  private async openOnPostgres(consumer: Consumer): Promise<void> {
    // guard: consumer-runs-later
    const options = { ...optionsOf(consumer), ...this.onPostgres(), autorun: false };
    const worker = asUsual<Worker>(new Worker(consumer.name, consumer.process, options, patientBackend));
    worker.on('error', () => undefined); // A failure while it opens is thrown by waitUntilReady.
    try {
      // guard: consumer-is-awaited
      await within(openTimeoutMs, worker.waitUntilReady());
    } catch (error) {
      void worker.close(true).catch(() => undefined);
      throw unusable(error as Error);
    }
    // Stopped while it was opening.
    if (!this.consumers.includes(consumer)) return void worker.close(true).catch(() => undefined);
    this.keep(consumer, worker);
    // guard: consumer-is-run
    worker.run().catch((error: Error) => (this.lastError = error));
  }

  /** In place of its worker of before. */
  private keep(consumer: Consumer, worker: Worker, client?: RedisConnection): void {
    const { worker: last, client: lastClient } = consumer;
    worker.on('error', (error) => {
      // One that was replaced reports that its connections are closed.
      if (consumer.worker !== worker) return;
      this.lastError = error;
      queueErrors.inc({ queue: consumer.name });
    });
    worker.on('completed', () => (this.lastError = undefined));
    Object.assign(consumer, { worker, client });
    void last?.close(true).catch(() => undefined);
    if (lastClient) this.disconnect(lastClient);
  }

  /**
   * Takes no new jobs and waits at most `graceMs` for those in progress; a job that is cut off comes again. It waits for
   * the jobs and not for the workers, because a worker whose queue is away cannot be closed gracefully.
   */
  async drain(graceMs: number): Promise<void> {
    const workers = this.consumers.flatMap(({ worker }) => worker ?? []);
    this.consumers = [];
    for (const worker of workers) void worker.close().catch(() => undefined);
    await within(graceMs, Promise.allSettled(this.active)).catch(() => undefined);
    await within(closeTimeoutMs, Promise.allSettled(workers.map((worker) => worker.close(true)))).catch(
      () => undefined,
    );
  }

  async close(): Promise<void> {
    await this.drain(0);
    const queues = [...this.open.values()];
    this.open.clear();
    await Promise.allSettled(queues.map(({ queue }) => within(closeTimeoutMs, queue.close())));
    this.probe?.close();
    for (const client of this.redisClients) client.disconnect();
    this.redisClients.clear();
  }

  private openQueue(name: QueueName): OpenQueue {
    const client = this.config.redis ? this.redis(this.config.redis, 'producer') : undefined;
    const queue: Queue = client
      ? new Queue(name, { defaultJobOptions, ...this.onRedis(name, client) })
      : asUsual(new Queue(name, { defaultJobOptions, ...this.onPostgres() }, createPostgresBackend));
    queue.on('error', (error) => (this.lastError = error));
    const connected = queue.waitUntilReady();
    // A producer on Redis that found it away is useless from then on; one on PostgreSQL has its own time limit.
    const ready = (this.config.redis ? within(producerTimeoutMs, connected) : connected)
      .catch((error: Error) => this.explain(error))
      .finally(() => (opened.connecting = false));
    // The caller of `ask` gets this error; without a caller it must not be an unhandled rejection.
    ready.catch(() => undefined);
    const opened: OpenQueue = { queue, ready, connecting: true, client };
    this.open.set(name, opened);
    return opened;
  }

  /** On PostgreSQL, throws an error that says what to do. */
  private async explain(error: Error): Promise<never> {
    if (this.config.redis) throw error;
    await proveQueueTables(this.onPostgres().connection);
    throw unusable(error);
  }

  /** Closes a failed queue without waiting for it; the next use opens it again. */
  private forget(name: QueueName, failed: OpenQueue): void {
    if (this.open.get(name) === failed) {
      // guard: failed-queue-is-reopened
      this.open.delete(name);
    }
    void failed.queue.close().catch(() => undefined);
    if (failed.client) this.disconnect(failed.client);
  }

  private disconnect(client: RedisConnection): void {
    client.disconnect();
    this.redisClients.delete(client);
  }

  private onPostgres() {
    return { connection: queueConnection(this.config) };
  }

  private onRedis(name: QueueName, connection: RedisConnection) {
    return { connection, prefix: this.prefixOf(name) };
  }

  /** One hash tag per queue and cell: on a Redis Cluster each queue may then live on another node. */
  private prefixOf(name: QueueName): string {
    return `{hf:${this.config.cell.number}:${name}}`;
  }

  private redis(address: RedisAddress, role: 'producer' | 'worker'): RedisConnection {
    const client = connectRedis(address, role, producerTimeoutMs);
    client.on('error', (error: Error) => (this.lastError = error));
    this.redisClients.add(client);
    return client;
  }
}

const optionsOf = ({ concurrency }: Consumer) => ({
  concurrency,
  maxStalledCount: 3,
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 1_000 },
});

/** BullMQ's types keep its backends apart; its behaviour does not. */
const asUsual = <T>(client: unknown) => client as T;
