import type { Tx } from '../../../database/database';
import { noteConflict } from '../contention';
import { takeTogether } from '../../stock/stock-levels';
import type { StockStrategy } from './strategy';
import type { StockDemand, StockGrant } from '../../stock/stock-grants';

/** A rival who wins this often in a row is not bad luck but a hot SKU; then the row is locked instead. */
const triesMax = 6;
/** The longest first pause; it doubles with each try and is drawn anew (full jitter), so that rivals do not meet again. */
const pauseMs = 2;

/**
 * Look, decide, and write only if nobody wrote in between (optimistic): the version that was read is in the WHERE. Nobody
 * waits while all is quiet; under contention most of the work is done for nothing, and after a few tries it gives in.
 */
export class VersionCheck implements StockStrategy {
  readonly name = 'version-check';

  async take(tx: Tx, demands: StockDemand[]): Promise<StockGrant[]> {
    const grants: StockGrant[] = [];
    for (const demand of demands) grants.push(await this.takeOne(tx, demand));
    return grants;
  }

  private async takeOne(tx: Tx, demand: StockDemand): Promise<StockGrant> {
    for (let tries = 1; tries <= triesMax; tries++) {
      const [seen] = await tx.rows<{ available: number; version: number }>(
        `
        SELECT on_hand - reserved AS available, version
          FROM stock_levels
         WHERE sku = $1::text AND pool = $2::text
        `,
        [demand.sku, demand.pool],
      );
      if (!seen || seen.available < demand.quantity) return { taken: false, available: seen?.available ?? 0 };
      const fencingToken = await this.write(tx, demand, seen.version);
      if (fencingToken !== undefined) {
        const { pool, quantity } = demand;
        return { taken: true, parts: [{ pool, quantity, fencingToken }] };
      }
      noteConflict(demand.sku, this.name);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMs * 2 ** tries));
    }
    const [grants] = await takeTogether(tx, [[demand]]);
    return (grants as StockGrant[])[0]!;
  }

  private async write(tx: Tx, demand: StockDemand, version: number): Promise<number | undefined> {
    const [row] = await tx.rows<{ fencingToken: number }>(
      `
      UPDATE stock_levels
         SET reserved = reserved + $3::int,
             version = version + 1,
             fencing_token = fencing_token + 1
       WHERE sku = $1::text AND pool = $2::text AND version = $4::bigint
      RETURNING fencing_token AS "fencingToken"
      `,
      [demand.sku, demand.pool, demand.quantity, version],
    );
    return row?.fencingToken;
  }
}
