import type { Tx } from '../../../database/database';
import { type StockDemand, type StockGrant, takeFromAnyPool } from '../../stock/stock-levels.repository';
import type { StockStrategy, Taker } from './strategy';

/** A buyer who loses this often searches all pools under their locks. */
const triesMax = 4;

/** What one statement found and did. */
interface Attempt {
  /** In all pools together: a single snapshot, so if this is too little the refusal is true. */
  available: number;
  /** In the fullest of the pools that may be tried. */
  most: number;
  pool: string | null;
  fencingToken: number;
}

/**
 * The SKU's stock in several rows, so that its buyers do not all queue at one: regions, or the shards of a busy counter.
 * Each buyer starts at its own pool and goes on to the next when that one is short. Nobody is refused while the sum is
 * enough: units that no single pool has are taken from several.
 */
export class Pools implements StockStrategy {
  readonly name = 'pools';

  async take(tx: Tx, demands: StockDemand[], taker: Taker): Promise<StockGrant[]> {
    const grants: StockGrant[] = [];
    for (const demand of demands) grants.push(await this.takeOne(tx, demand, taker));
    return grants;
  }

  private async takeOne(tx: Tx, demand: StockDemand, taker: Taker): Promise<StockGrant> {
    // An UPDATE that waited for a rival and then matches nothing keeps the row locked, and two buyers who go on to the
    // next pool with such locks deadlock. Rolling back to a savepoint releases the row.
    await tx.rows('SAVEPOINT pool');
    for (let tries = 1; tries <= triesMax; tries++) {
      const { available, most, pool, fencingToken } = await this.attempt(tx, demand);
      if (pool !== null) return { taken: true, parts: [{ pool, quantity: demand.quantity, fencingToken }] };
      if (available < demand.quantity) return { taken: false, available };
      if (most < demand.quantity) break;
      taker.onConflict(demand.sku);
      await tx.rows('ROLLBACK TO SAVEPOINT pool');
    }
    const [grant] = await takeFromAnyPool(tx, [demand], taker.reservationId);
    return grant!;
  }

  /** Takes from the first pool that has enough, the buyer's own before the others. */
  private async attempt(tx: Tx, { sku, pool, others = [], quantity }: StockDemand): Promise<Attempt> {
    const [attempt] = await tx.rows<Attempt>(
      `
      WITH seen AS MATERIALIZED (
        SELECT pool, greatest(0, on_hand - reserved - safety_stock) AS available, array_position($3::text[], pool) AS place
          FROM stock_levels
         WHERE sku = $1::text
      ), taken AS (
        UPDATE stock_levels
           SET reserved = reserved + $2::int,
               version = version + 1,
               fencing_token = fencing_token + 1
         WHERE sku = $1::text
           AND pool = (SELECT pool FROM seen WHERE place > 0 AND available >= $2::int ORDER BY place LIMIT 1)
           AND on_hand - reserved - safety_stock >= $2::int
        RETURNING pool, fencing_token
      )
      SELECT coalesce(sum(seen.available), 0)::bigint AS available,
             coalesce(max(seen.available) FILTER (WHERE seen.place > 0), 0) AS most,
             (SELECT pool FROM taken) AS pool,
             (SELECT fencing_token FROM taken) AS "fencingToken"
        FROM seen
      `,
      [sku, quantity, [pool, ...others]],
    );
    return attempt!;
  }
}
