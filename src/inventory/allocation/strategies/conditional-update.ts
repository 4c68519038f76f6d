import type { Tx } from '../../../database/database';
import type { StockStrategy } from './strategy';
import type { StockDemand, StockGrant } from '../../stock/stock-grants';

/**
 * The check is the WHERE of the update. Of two buyers of the last unit the second waits for the first one's row lock,
 * re-reads the row and matches nothing; no read comes before the write. Best on quiet SKUs: one statement a line.
 */
export class ConditionalUpdate implements StockStrategy {
  readonly name: string = 'conditional-update';

  async take(tx: Tx, demands: StockDemand[]): Promise<StockGrant[]> {
    const grants: StockGrant[] = [];
    // One after the other, because an UPDATE over several rows locks them in whatever order its plan finds them.
    for (const demand of demands) grants.push(await this.takeOne(tx, demand));
    return grants;
  }

  private async takeOne(tx: Tx, { sku, pool, quantity }: StockDemand): Promise<StockGrant> {
    const [row] = await tx.rows<{ fencingToken: number }>(
      `
      UPDATE stock_levels
         SET reserved = reserved + $3::int,
             version = version + 1,
             fencing_token = fencing_token + 1
       WHERE sku = $1::text
         AND pool = $2::text
         AND on_hand - reserved >= $3::int
      RETURNING fencing_token AS "fencingToken"
      `,
      [sku, pool, quantity],
    );
    if (row) return { taken: true, parts: [{ pool, quantity, fencingToken: row.fencingToken }] };

    const [level] = await tx.rows<{ available: number }>(
      `SELECT on_hand - reserved AS available FROM stock_levels WHERE sku = $1::text AND pool = $2::text`,
      [sku, pool],
    );
    return { taken: false, available: level?.available ?? 0 };
  }
}
