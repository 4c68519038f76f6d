import type { Tx } from '../../../database/database';
import { type StockDemand, type StockGrant, takeUnderLock } from '../../stock/stock-levels.repository';
import type { StockStrategy } from './strategy';

/**
 * Lock first, then read (pessimistic): all rows of the order in one ordered SELECT … FOR UPDATE, then one UPDATE.
 * Two statements however many lines there are, and a buyer who waited for the lock sees the truth.
 */
export class RowLock implements StockStrategy {
  constructor(readonly name: 'row-lock' | 'grouped') {}

  async take(tx: Tx, demands: StockDemand[]): Promise<StockGrant[]> {
    return takeUnderLock(tx, demands);
  }
}
