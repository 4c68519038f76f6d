import type { Tx } from '../../../database/database';
import {
  type StockDemand,
  type StockGrant,
  availableInPool,
  takeUnderLock,
} from '../../stock/stock-levels.repository';
import type { StockStrategy, SurroundedRequest, Surroundings } from './strategy';

const isolation = 'SERIALIZABLE';

/**
 * The textbook approach: read, then write, as if alone, and let PostgreSQL detect rivals (SERIALIZABLE). Nothing is
 * locked by hand; the loser of a race is rolled back with 40001 and starts again from its first statement.
 *
 * Here for comparison. It is right, and on a hot row nearly all transactions lose.
 */
export class Serializable implements StockStrategy {
  readonly name = 'serializable';

  around<T>(_: SurroundedRequest, run: (added: Surroundings) => Promise<T>): Promise<T> {
    return run({ isolation });
  }

  async take(tx: Tx, demands: StockDemand[]): Promise<StockGrant[]> {
    // The transaction began before its SKU was switched to this strategy: without the isolation it needs a lock.
    if (tx.isolation !== isolation) return takeUnderLock(tx, demands);
    const grants: StockGrant[] = [];
    for (const demand of demands) grants.push(await this.takeOne(tx, demand));
    return grants;
  }

  private async takeOne(tx: Tx, { sku, pool, quantity }: StockDemand): Promise<StockGrant> {
    const available = await availableInPool(tx, sku, pool);
    if (available < quantity) return { taken: false, available };
    const [row] = await tx.rows<{ fencingToken: number }>(
      `
      UPDATE stock_levels
         SET reserved = reserved + $3::int,
             version = version + 1,
             fencing_token = fencing_token + 1
       WHERE sku = $1::text AND pool = $2::text
      RETURNING fencing_token AS "fencingToken"
      `,
      [sku, pool, quantity],
    );
    return { taken: true, parts: [{ pool, quantity, fencingToken: row!.fencingToken }] };
  }
}
