import type { Tx } from '../../../database/database';
import { noteConflict } from '../contention';
import { takeFromAnyPool } from '../../stock/stock-levels';
import type { StockStrategy, Taker } from './strategy';
import type { StockDemand, StockGrant, StockPart } from '../../stock/stock-grants';

/** Whoever is overtaken this often looks at all pools under their locks. */
const triesMax = 4;

/** What one statement saw, and did. */
interface Attempt {
  /** On sale in all pools together: a single snapshot, so if this is too little the refusal is true. */
  available: number;
  /** On sale in the fullest of the pools that may be tried. */
  most: number;
  pool: string | null;
  fencingToken: number;
}

/**
 * The SKU's stock in several rows, so that its buyers do not all queue at one: regions, or the shards of a hot counter.
 * Each buyer has a pool of its own and turns to the next when that one is short. Nobody is refused while the sum would
 * do: units that no single pool has are taken from several.
 */
export class Pools implements StockStrategy {
  readonly name = 'pools';

  async take(tx: Tx, demands: StockDemand[], taker: Taker): Promise<StockGrant[]> {
    const grants: StockGrant[] = [];
    for (const demand of demands) grants.push(await this.takeOne(tx, demand, taker));
    return grants;
  }

  private async takeOne(tx: Tx, demand: StockDemand, { reservationId }: Taker): Promise<StockGrant> {
    // An UPDATE that waited for a rival and then matches nothing keeps the row locked. Two who went on to the next pool
    // so would wait for each other in a circle, but a savepoint lets the row go.
    await tx.rows('SAVEPOINT pool');
    for (let tries = 1; tries <= triesMax; tries++) {
      const { available, most, pool, fencingToken } = await this.attempt(tx, demand);
      if (pool !== null) return { taken: true, parts: [partOf(demand, pool, fencingToken)] };
      if (available < demand.quantity) return { taken: false, available };
      if (most < demand.quantity) break;
      noteConflict(demand.sku, this.name);
      await tx.rows('ROLLBACK TO SAVEPOINT pool');
    }
    const [grant] = await takeFromAnyPool(tx, [demand], reservationId);
    return grant!;
  }

  /** Takes from the first pool that has enough, its own before the others. */
  private async attempt(tx: Tx, { sku, pool, others = [], quantity }: StockDemand): Promise<Attempt> {
    const [attempt] = await tx.rows<Attempt>(
      `
      WITH seen AS MATERIALIZED (
        SELECT pool, on_hand - reserved AS available, array_position($3::text[], pool) AS place
          FROM stock_levels
         WHERE sku = $1::text
      ), taken AS (
        UPDATE stock_levels
           SET reserved = reserved + $2::int,
               version = version + 1,
               fencing_token = fencing_token + 1
         WHERE sku = $1::text
           AND pool = (SELECT pool FROM seen WHERE place > 0 AND available >= $2::int ORDER BY place LIMIT 1)
           AND on_hand - reserved >= $2::int
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

const partOf = ({ quantity }: StockDemand, pool: string, fencingToken: number): StockPart => ({
  pool,
  quantity,
  fencingToken,
});
