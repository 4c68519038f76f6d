import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { Config } from '../../config/config';
import { CONFIG } from '../../config/config.module';
import type { BatcherOptions } from '../../database/group-commit';
import { Database } from '../../database/database';
import { sqlStateOf } from '../../database/pg-errors';
import { Turnstile } from '../../database/admission-limit';
import { unavailable } from '../../errors';
import { noteArrival } from './contention';
import { findProducts } from '../products/products.repository';
import { isHot } from './strategies/adaptive';
import { LeaseLost } from './strategies/lease';
import { strategies } from './strategies/strategies';
import type { Entered, Isolation } from './strategies/strategy';

/** A switch of strategy is obeyed after this long at the latest; until then both ways are right, for they share the rows. */
const rememberMs = 1_000;
/** More SKUs than are ever on sale at once. */
const rememberedMax = 10_000;
/** Batches that one process may have in flight. Two cores commit no more at once, and each SKU has one lane only. */
const lanesMax = 4;
/** Connections that buyers who are taken alone leave to the lanes, and to whoever confirms, cancels, pays or looks. */
const connectionsLeft = 2 * lanesMax;
/** Whoever loses its lease this often met real rivals, and should come back later. */
const triesMax = 5;

/** How requests are grouped, for whoever takes stock inside a request. */
export const intakeBatching = (name: string, config: Pick<Config, 'intakeWaitingMax'>): BatcherOptions => ({
  name,
  sizeMax: 256,
  inFlightMax: lanesMax,
  waitingMax: config.intakeWaitingMax,
  overloaded: busy,
});

const busy = () =>
  unavailable(
    'More buyers are waiting than can be served soon. Nothing was taken; send the same request again in a second.',
  );

/** What a request that is taken alone brings to its transaction. */
export interface Alone {
  isolation: Isolation | undefined;
  entered: Entered | undefined;
}

/**
 * How a request gets at its stock: together with others, when all its SKUs are grouped, or alone by the strategies of its
 * SKUs. A SKU is always in the same lane, so that a hot one never has two batches of a process waiting for each other.
 */
@Injectable()
export class Admission {
  /** By SKU. What is known is good enough to answer with while it is read again. */
  private readonly remembered = new LRUCache<string, { strategy: string }>({
    max: rememberedMax,
    ttl: rememberMs,
    allowStale: true,
    noDeleteOnFetchRejection: true,
    allowStaleOnFetchRejection: true,
    fetchMethod: async (sku) => ({ strategy: (await findProducts(this.db, [sku])).get(sku)?.strategy ?? '' }),
  });

  private readonly turnstile: Turnstile;

  constructor(
    private readonly db: Database,
    @Inject(CONFIG) { databasePoolMax, intakeWaitingMax, intakeWaitMsMax }: Config,
  ) {
    this.turnstile = new Turnstile({
      name: 'alone',
      insideMax: Math.max(1, databasePoolMax - connectionsLeft),
      waitingMax: intakeWaitingMax,
      // guard: intake-wait-limit
      waitMsMax: intakeWaitMsMax,
      overloaded: busy,
    });
  }

  async admit<T>(
    skus: string[],
    how: { together: (lane: string) => Promise<T>; alone: (way: Alone) => Promise<T> },
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      const names = await this.strategiesOf(skus);
      const answered = skus.map((sku, nth) => noteArrival(sku, names[nth]!));
      try {
        if (isGrouped(names)) return await how.together(laneOf(skus));
        const alone = await this.turnstile.pass(async () =>
          isGrouped(await this.strategiesOf(skus))
            ? undefined
            : { taken: await this.takeAlone(skus, names, how.alone) },
        );
        // A crowd that was waiting to be taken alone when its product became hot need not be taken so.
        return alone ? alone.taken : await how.together(laneOf(skus));
      } catch (error) {
        if (!(error instanceof LeaseLost)) throw error;
        if (tries === triesMax) throw busy();
      } finally {
        answered.forEach((tell) => tell());
      }
    }
  }

  /** For what takes stock under locks of its own: it waits its turn with those who are taken alone. */
  passAlone<T>(take: () => Promise<T>): Promise<T> {
    return this.turnstile.pass(take);
  }

  private async takeAlone<T>(skus: string[], names: string[], take: (way: Alone) => Promise<T>): Promise<T> {
    const entered = await this.enter(skus, names);
    try {
      const isolation = names.map((name) => strategies.get(name)?.isolation).find(Boolean);
      return await take({ isolation, entered });
    } catch (error) {
      // 23514: it read under its lease, and somebody who needs none took the last units before it wrote.
      throw entered && sqlStateOf(error) === '23514' ? new LeaseLost(skus.join(', ')) : error;
    } finally {
      await entered?.leave();
    }
  }

  private enter(skus: string[], names: string[]): Promise<Entered> | undefined {
    const door = names
      .map((name) => strategies.get(name))
      .find((strategy) => strategy && 'enter' in strategy);
    const own = skus.filter((_, nth) => names[nth] === door?.name);
    return door?.enter?.(this.db, [...new Set(own)]);
  }

  /** The strategy of each SKU at this moment; adaptive ones as what they are now. */
  private async strategiesOf(skus: string[]): Promise<string[]> {
    const names: string[] = [];
    for (const sku of skus) {
      const { strategy = '' } = (await this.remembered.fetch(sku)) ?? {};
      names.push(strategy === 'adaptive' && isHot(sku) ? 'grouped' : strategy);
    }
    return names;
  }
}

const isGrouped = (names: string[]) => names.every((name) => name === 'grouped');

const laneOf = (skus: string[]) => String(hash('sha1', [...skus].sort()[0]!, 'buffer')[0]! % lanesMax);
