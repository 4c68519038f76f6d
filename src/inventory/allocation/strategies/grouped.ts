import type { Tx } from '../../../database/database';
import { takeTogether } from '../../stock/stock-levels';
import type { StockStrategy } from './strategy';
import type { StockDemand, StockGrant } from '../../stock/stock-grants';

/**
 * Whoever arrives while the previous transaction is in flight shares the next one: the stock row is locked once and
 * committed once for all of them, so contention makes it faster and not slower.
 *
 * The grouping itself happens before any transaction (`Admission`, `Batcher`, `reserveTogether`); here is what is left for
 * an order whose other lines are taken in other ways, and which therefore comes alone.
 */
export class Grouped implements StockStrategy {
  readonly name = 'grouped';

  async take(tx: Tx, demands: StockDemand[]): Promise<StockGrant[]> {
    const [grants] = await takeTogether(tx, [demands]);
    return grants as StockGrant[];
  }
}
