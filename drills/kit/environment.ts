import path from 'node:path';
import { createTestDatabase } from '../../test/support/database';
import { Guardian } from '../../test/support/guardian';
import { type RedisServer, redisServer } from '../../test/support/redis-server';
import { Random } from '../../test/support/seeded';
import type { ServiceOptions } from '../../test/support/service';
import { DrilledShop } from './drilled-shop';
import type { DrillOptions, Patch } from './drill';
import { patchedBuild } from './build';
import { type CitusCluster, startCitusCluster } from './citus-cluster';
import { PatroniCluster } from './patroni-cluster';
import { PostgresPair } from './postgres-pair';
import { type DemotablePostgres, startPostgresServer } from './postgres-server';
import { type RedisWithFailover, startRedisCluster, startRedisSentinel } from './redis-cluster';

/**
 * Short intervals, so that recovery takes seconds instead of minutes: of a call to the provider, of a dead worker's lease,
 * of a lost message, of a refund under way.
 */
const shortIntervals = {
  PAYMENT_TIMEOUT_MS: '800',
  SAGA_LEASE_MS: '2000',
  SWEEP_MS: '150',
  RELAY_RESEND_MS: '2000',
  PAYMENT_CHECK_MS: '300',
  PAYMENT_CHECK_MS_MAX: '1000',
  LOG_LEVEL: 'warn',
};

export interface EnvironmentSettings {
  /** The build under test, or a mutant of it. */
  dist: string;
  /** The mutant that the build is. */
  mutant?: string;
  /** Where the drill may put builds. */
  workDir: string;
  options: DrillOptions;
}

/** What a drill works with: shops to open, servers to break, and counts to report. */
export class Environment {
  readonly random: Random;
  readonly options: DrillOptions;
  readonly dist: string;
  /** Its name if the build is a mutant, for less load where it is noticed anyway. */
  readonly mutant: string | undefined;
  readonly facts: Record<string, number> = {};
  private ownGuardian: Guardian | undefined;
  private readonly shops: DrilledShop[] = [];
  private readonly closing: (() => Promise<unknown>)[] = [];

  constructor(private readonly settings: EnvironmentSettings) {
    this.options = settings.options;
    this.dist = settings.dist;
    this.mutant = settings.mutant;
    this.random = new Random(settings.options.seed);
  }

  /** A whole shop: processes, database, sandbox, and Redis if its queues live there. */
  async open({ env, ...options }: ServiceOptions): Promise<DrilledShop> {
    const shop = new DrilledShop((what, count) => this.count(what, count));
    this.shops.push(shop);
    await shop.open({ dist: this.dist, ...options, env: { ...shortIntervals, ...env } });
    return shop;
  }

  /** A database on the server that all drills share, for a shop that connects through a proxy. */
  async database(): Promise<string> {
    const { url, drop } = await createTestDatabase();
    this.onClose(drop);
    return url;
  }

  /** A separate PostgreSQL, for failures that would disturb other drills. */
  postgres(): Promise<DemotablePostgres> {
    return startPostgresServer(this.guardian, this.dist);
  }

  /** A separate PostgreSQL with a standby. */
  async postgresPair(): Promise<PostgresPair> {
    const pair = await PostgresPair.start(this.guardian, this.dist);
    this.onClose(() => pair.close());
    return pair;
  }

  /** Three nodes of Patroni behind HAProxy, from the files of deploy/ha. */
  async patroniCluster(): Promise<PatroniCluster> {
    const cluster = await PatroniCluster.start(this.guardian);
    this.onClose(() => cluster.close());
    return cluster;
  }

  /** Two nodes of Citus with a schema for each cell, `eu1:1`. */
  citusCluster(cells: string[]): Promise<CitusCluster> {
    return startCitusCluster(this.guardian, this.dist, cells);
  }

  /** A Redis that is not started yet. */
  redis(): Promise<RedisServer> {
    return redisServer(this.guardian);
  }

  /** Three masters with a replica each. */
  redisCluster(): Promise<RedisWithFailover> {
    return startRedisCluster(this.guardian);
  }

  /** A master and a replica with a Sentinel. */
  redisSentinel(): Promise<RedisWithFailover> {
    return startRedisSentinel(this.guardian);
  }

  /** The build under test with patches. */
  build(name: string, patches: Patch[]): string {
    return patchedBuild(this.dist, path.join(this.settings.workDir, name), patches);
  }

  /** Registers something to close at the end of the drill. */
  onClose(close: () => Promise<unknown>): void {
    this.closing.push(close);
  }

  /** Adds to the counts that the drill reports, and that `sometimes` checks. */
  count(what: string, count: number): void {
    this.facts[what] = (this.facts[what] ?? 0) + count;
  }

  /** A random pause between two faults. Never used to wait for a condition. */
  async pause(fromMs: number, toMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.random.integer(fromMs, toMs)));
  }

  /** For its own servers; most drills have none. */
  private get guardian(): Guardian {
    return (this.ownGuardian ??= new Guardian());
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.shops.map((shop) => shop.end()));
    await Promise.allSettled(this.closing.map((close) => close()));
    this.ownGuardian?.dismiss();
  }
}
