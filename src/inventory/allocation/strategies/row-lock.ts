import type { Tx } from '../../../database/database';
import { takeTogether } from '../../stock/stock-levels';
import type { StockStrategy } from './strategy';
import type { StockDemand, StockGrant } from '../../stock/stock-grants';

/**
 * Lock first, then look (pessimistic): all rows of the order in one ordered SELECT … FOR UPDATE, then one UPDATE.
 * Two statements however many lines there are, and the buyer who waits knows the truth when the wait ends.
 */
export class RowLock implements StockStrategy {
  readonly name = 'row-lock';

  async take(tx: Tx, demands: StockDemand[]): Promise<StockGrant[]> {
    const [grants] = await takeTogether(tx, [demands]);
    return grants as StockGrant[];
  }
}
