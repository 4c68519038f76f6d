import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database';
import { isDatabaseAway } from '../../database/pg-errors';
import { findOutOfPlace, rebalance } from './transfers';

/** Products per round; the rest waits for the next one. */
const batchSizeMax = 100;

/**
 * Moves stock to the pools where it belongs: evens out the pools of a product when one is nearly empty, and moves stock
 * that was released elsewhere after a switch of strategy. A request that is short does the same itself, so nothing is
 * refused for lack of a round; the rebalancer only saves that request the work.
 *
 * It may run in several processes: each skips a product that another one has locked.
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
        // A product that fails must not keep the others waiting.
        failures.push(new Error(`${sku}: ${(error as Error).message}`, { cause: error }));
      }
    }
    if (failures.length > 0) throw failures[0];
    return moved;
  }
}
