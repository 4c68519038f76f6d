import type { Tx } from '../../../database/database';
import { type StockDemand, type StockGrant, takeUnderLock } from '../../stock/stock-levels.repository';
import type { StockStrategy, Taker } from './strategy';

/** Losing this often in a row is not bad luck but contention; then the row is locked instead. */
const triesMax = 6;
/** The longest first pause; it doubles with each try and is drawn at random (full jitter), so that rivals do not meet again. */
const pauseMs = 2;

/**
 * Read, decide, and write only if nobody wrote in between (optimistic): the version that was read is in the WHERE. Nobody
 * waits while the SKU is quiet; under contention most of the work is lost, and after a few tries it locks the row.
 */
export class VersionCheck implements StockStrategy {
  readonly name = 'version-check';

  async take(tx: Tx, demands: StockDemand[], taker: Taker): Promise<StockGrant[]> {
    const grants: StockGrant[] = [];
    for (const demand of demands) grants.push(await this.takeOne(tx, demand, taker));
    return grants;
  }

  private async takeOne(tx: Tx, demand: StockDemand, { onConflict }: Taker): Promise<StockGrant> {
    const { sku, pool, quantity } = demand;
    for (let tries = 1; tries <= triesMax; tries++) {
      const [seen] = await tx.rows<{ available: number; version: number }>(
        `
        SELECT greatest(0, on_hand - reserved - safety_stock) AS available, version
          FROM stock_levels
         WHERE sku = $1::text AND pool = $2::text
        `,
        [sku, pool],
      );
      if (!seen || seen.available < quantity) return { taken: false, available: seen?.available ?? 0 };
      const fencingToken = await this.write(tx, demand, seen.version);
      if (fencingToken !== undefined) return { taken: true, parts: [{ pool, quantity, fencingToken }] };
      onConflict(sku);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMs * 2 ** tries));
    }
    const [grant] = await takeUnderLock(tx, [demand]);
    return grant!;
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
