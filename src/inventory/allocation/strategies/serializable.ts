import type { Tx } from '../../../database/database';
import { takeTogether } from '../../stock/stock-levels';
import type { StockStrategy } from './strategy';
import type { StockDemand, StockGrant } from '../../stock/stock-grants';

/**
 * The textbook's answer: read, then write, as if alone, and let PostgreSQL find out that it was not so (SERIALIZABLE).
 * Nothing is locked by hand; whoever loses a race is rolled back with 40001 and begins again from its first statement.
 *
 * Here for comparison. It is right, and on a hot row nearly all transactions lose.
 */
export class Serializable implements StockStrategy {
  readonly name = 'serializable';
  readonly isolation = 'SERIALIZABLE';

  async take(tx: Tx, demands: StockDemand[]): Promise<StockGrant[]> {
    // Begun before its SKU was switched to this: without the isolation only a lock makes it right.
    if (tx.isolation !== this.isolation) return (await takeTogether(tx, [demands]))[0] as StockGrant[];
    const grants: StockGrant[] = [];
    for (const demand of demands) grants.push(await this.takeOne(tx, demand));
    return grants;
  }

  private async takeOne(tx: Tx, { sku, pool, quantity }: StockDemand): Promise<StockGrant> {
    const [seen] = await tx.rows<{ available: number }>(
      `SELECT on_hand - reserved AS available FROM stock_levels WHERE sku = $1::text AND pool = $2::text`,
      [sku, pool],
    );
    if (!seen || seen.available < quantity) return { taken: false, available: seen?.available ?? 0 };
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
