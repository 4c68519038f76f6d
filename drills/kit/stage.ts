import path from 'node:path';
import { createTestDatabase } from '../../test/support/database';
import { Guardian } from '../../test/support/guardian';
import { type RedisServer, redisServer } from '../../test/support/redis-server';
import { Random } from '../../test/support/seeded';
import type { ServiceOptions } from '../../test/support/service';
import { DrilledShop } from './drilled-shop';
import type { DrillOptions, Patch } from './drill';
import { patchedBuild } from './build';
import {
  type DemotablePostgres,
  type ReplicatedPostgres,
  startPostgresServer,
  startReplicatedPostgres,
} from './postgres-server';

/**
 * Impatient, so that what takes minutes in a night takes seconds in a drill: the provider is given up on sooner, a
 * dead worker replaced sooner, a lost message sent again sooner.
 */
const impatient = {
  PAYMENT_TIMEOUT_MS: '800',
  SAGA_LEASE_MS: '2000',
  SWEEP_MS: '150',
  RELAY_RESEND_MS: '2000',
  LOG_LEVEL: 'warn',
};

export interface StageSettings {
  /** The build under drill, whole or with a guard taken out. */
  dist: string;
  /** Where builds of the drill's own may be put. */
  workDir: string;
  options: DrillOptions;
}

/** What a drill is given: shops to open, servers to hurt, and a place to say what happened. */
export class Stage {
  readonly random: Random;
  readonly options: DrillOptions;
  readonly dist: string;
  readonly facts: Record<string, number> = {};
  private readonly guardian = new Guardian();
  private readonly shops: DrilledShop[] = [];
  private readonly closing: (() => Promise<unknown>)[] = [];

  constructor(private readonly settings: StageSettings) {
    this.options = settings.options;
    this.dist = settings.dist;
    this.random = new Random(settings.options.seed);
  }

  /** A whole shop: processes, database, sandbox, and Redis if its queues live there. */
  async open({ env, ...options }: ServiceOptions): Promise<DrilledShop> {
    const shop = new DrilledShop((what, count) => this.count(what, count));
    this.shops.push(shop);
    await shop.open({ dist: this.dist, ...options, env: { ...impatient, ...env } });
    return shop;
  }

  /** A database on the server that all drills share, for a shop that is to reach it by a detour. */
  async database(): Promise<string> {
    const { url, drop } = await createTestDatabase();
    this.onClose(drop);
    return url;
  }

  /** A PostgreSQL of the drill's own, for what would disturb the other drills. */
  postgres(): Promise<DemotablePostgres> {
    return startPostgresServer(this.guardian, this.dist);
  }

  /** A PostgreSQL of the drill's own with an asynchronous standby. */
  async replicatedPostgres(): Promise<ReplicatedPostgres> {
    const replicated = await startReplicatedPostgres(this.guardian, this.dist);
    this.onClose(() => replicated.link.close());
    return replicated;
  }

  /** A Redis, not yet running. */
  redis(): Promise<RedisServer> {
    return redisServer(this.guardian);
  }

  /** The build under drill with something changed in it. */
  build(name: string, patches: Patch[]): string {
    return patchedBuild(this.dist, path.join(this.settings.workDir, name), patches);
  }

  /** Whatever else must be closed when the drill is over. */
  onClose(close: () => Promise<unknown>): void {
    this.closing.push(close);
  }

  /** Adds to what is told of the drill when it ends, and to what must have happened sometimes. */
  count(what: string, count: number): void {
    this.facts[what] = (this.facts[what] ?? 0) + count;
  }

  /** The time between two blows, from the seed. Never used to wait for something to happen. */
  async pause(fromMs: number, toMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.random.integer(fromMs, toMs)));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.shops.map((shop) => shop.close()));
    await Promise.allSettled(this.closing.map((close) => close()));
    this.guardian.dismiss();
  }
}
