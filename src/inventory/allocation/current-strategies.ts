import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Database } from '../../database/database';
import { findProducts } from '../products/products.repository';
import { Contention } from './contention';
import { ContentionModes } from './contention-modes';
import { strategies } from './strategies/strategies';
import type { Surroundings } from './strategies/strategy';

/** A switch of strategy takes effect after this long at the latest; until then both ways are right, for they share the rows. */
const rememberMs = 1_000;
/** More SKUs than are ever on sale at once. */
const rememberedMax = 10_000;
/** Remembered like a strategy, so that requests for unknown SKUs do not each read the table. */
const noProduct = '';

/** A request whose SKUs' strategies are known. */
export interface Arrival {
  skus: string[];
  /** The strategy of each SKU; an adaptive one that is grouped now counts as `grouped`. */
  names: string[];
  /** Call it when the request has its result. */
  leave(): void;
}

/** The strategy of each SKU at this moment. */
@Injectable()
export class CurrentStrategies {
  private readonly remembered = new LRUCache<string, string>({
    max: rememberedMax,
    ttl: rememberMs,
    // An old value is good enough while it is read again, and kept when that read fails.
    allowStale: true,
    noDeleteOnFetchRejection: true,
    fetchMethod: async (sku) => (await findProducts(this.db, [sku])).get(sku)?.strategy ?? noProduct,
  });

  constructor(
    private readonly db: Database,
    private readonly contention: Contention,
    private readonly modes: ContentionModes,
  ) {}

  async arrive(skus: string[]): Promise<Arrival> {
    const names = await this.namesOf(skus);
    const ended = skus.map((sku, nth) => this.contention.noteArrival(sku, names[nth]!));
    return { skus, names, leave: () => ended.forEach((end) => end()) };
  }

  /** Whether these SKUs can share a transaction with other requests now. */
  async areGrouped(skus: string[]): Promise<boolean> {
    return isGrouped(await this.namesOf(skus));
  }

  /** Wraps the transaction of a single request into what its strategies need around it. */
  surround<T>({ skus, names }: Arrival, run: (added: Surroundings) => Promise<T>): Promise<T> {
    const wrapped = [...new Set(names)].reduceRight((inner, name) => {
      const strategy = strategies.get(name);
      if (!strategy?.around) return inner;
      const request = {
        db: this.db,
        skus: [...new Set(skus.filter((_, nth) => names[nth] === name))],
        onConflict: (sku: string) => this.contention.noteConflict(sku, name),
      };
      return (added) => strategy.around!(request, (own) => inner({ ...added, ...own }));
    }, run);
    return wrapped({});
  }

  private async namesOf(skus: string[]): Promise<string[]> {
    const names: string[] = [];
    for (const sku of skus) {
      const name = (await this.remembered.fetch(sku)) ?? noProduct;
      names.push(name === 'adaptive' && this.modes.isGrouped(sku) ? 'grouped' : name);
    }
    return names;
  }
}

export const isGrouped = (names: string[]) => names.every((name) => name === 'grouped');
