import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database';
import { isDatabaseAway } from '../../database/pg-errors';
import { findOutOfPlace, rebalance } from './transfers';

/** One round's worth; what is left is out of place a second later too. */
const batchSizeMax = 100;

/**
 * Carries stock to where its buyers look for it: evens out the pools of a product when one runs dry before the others,
 * and brings home what came free elsewhere after a switch of strategy. Buyers who are in a hurry do it themselves, so
 * nothing is ever refused for want of a round; it saves them the way.
 *
 * Several in several processes do no harm: each leaves alone what another is at.
 */
@Injectable()
export class Rebalancer {
  constructor(private readonly db: Database) {}

  /** Returns how many products it moved stock of. */
  async sweep(): Promise<number> {
    let moved = 0;
    const failures: unknown[] = [];
    for (const sku of await findOutOfPlace(this.db, batchSizeMax)) {
      try {
        if (await rebalance(this.db, sku)) moved++;
      } catch (error) {
        if (isDatabaseAway(error)) throw error;
        // One product's trouble must not keep the others waiting.
        failures.push(new Error(`${sku}: ${(error as Error).message}`, { cause: error }));
      }
    }
    if (failures.length > 0) throw failures[0];
    return moved;
  }
}
