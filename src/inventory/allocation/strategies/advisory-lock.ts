import { type Tx, columnsOf } from '../../../database/database';
import type { StockDemand, StockGrant } from '../../stock/stock-levels.repository';
import { ConditionalUpdate } from './conditional-update';
import type { StockStrategy } from './strategy';

/**
 * A lock without a row: PostgreSQL's advisory lock on the SKU's name, held until the transaction ends. Its waiters queue
 * outside the table, and it would lock a SKU that has no row at all.
 *
 * It only excludes transactions that take it, so the write still has its check: expiry, release and other strategies do not
 * take it. And it holds on one server only: through a sharding coordinator it locks nothing.
 */
export class AdvisoryLock implements StockStrategy {
  readonly name = 'advisory-lock';
  private readonly update = new ConditionalUpdate('conditional-update');

  async take(tx: Tx, demands: StockDemand[]): Promise<StockGrant[]> {
    // Two names may hash to one number, so the numbers are locked in ascending order.
    await tx.rows(
      `
      SELECT pg_advisory_xact_lock(numbers.number)
        FROM (SELECT DISTINCT hashtextextended(current_schema() || ':' || d.sku || ':' || d.pool, 0) AS number
                FROM unnest($1::text[], $2::text[]) AS d (sku, pool)
               ORDER BY number) numbers
      `,
      columnsOf(demands, 'sku', 'pool'),
    );
    return this.update.take(tx, demands);
  }
}
