import type { Tx } from '../../../database/database';
import { LostRace } from '../../../database/pg-errors';
import { unavailable } from '../../../errors';
import { unitsPool } from '../../products/pools';
import { type StockDemand, type StockGrant, availableInPool } from '../../stock/stock-levels.repository';
import type { StockStrategy, Taker } from './strategy';

/** A buyer who waits longer than this for rivals to commit or roll back had better try again later. */
const waitMsMax = 3_000;
/** The longest pause between two tries; drawn at random each time, so that rivals do not meet again. */
const pauseMsMax = 10;

/**
 * One row per unit: each buyer locks units that no other transaction has locked (SKIP LOCKED), and knows their numbers.
 * For what is sold by number: seats, tickets, prints.
 *
 * A skipped row is not necessarily sold: its transaction may still roll back. Only committed rows can say "sold out", and
 * until they do the buyer tries again.
 */
export class UnitTokens implements StockStrategy {
  readonly name = 'unit-tokens';

  async take(tx: Tx, demands: StockDemand[], taker: Taker): Promise<StockGrant[]> {
    const grants: StockGrant[] = [];
    for (const demand of demands) grants.push(await this.takeOne(tx, demand, taker));
    return grants;
  }

  private async takeOne(tx: Tx, demand: StockDemand, taker: Taker): Promise<StockGrant> {
    const { sku, quantity } = demand;
    const giveUpAt = performance.now() + waitMsMax;
    await tx.rows('SAVEPOINT claim');
    for (;;) {
      const fencingToken = await this.claim(tx, demand, taker.reservationId);
      if (fencingToken !== undefined)
        return { taken: true, parts: [{ pool: unitsPool, quantity, fencingToken }] };
      // Too few units are of use to another buyer, and nobody should wait for our locks while we pause.
      await tx.rows('ROLLBACK TO SAVEPOINT claim');
      const available = await availableInPool(tx, sku, unitsPool);
      if (available < quantity) return { taken: false, available };
      taker.onConflict(sku);
      // Its one old snapshot would never show what its rivals did.
      if (tx.isolation === 'SERIALIZABLE') throw new LostRace(`Rivals have locked the last units of ${sku}.`);
      if (performance.now() > giveUpAt) throw stillWanted(sku);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMsMax));
    }
  }

  /**
   * All of the units or none of them, and the stock row with them: last, because all buyers share that one. Its WHERE keeps
   * the safety stock: as many of the highest free numbers. The units are named, not joined: see units.ts.
   */
  private async claim(
    tx: Tx,
    { sku, quantity }: StockDemand,
    reservationId: string,
  ): Promise<number | undefined> {
    const [level] = await tx.rows<{ fencingToken: number }>(
      `
      WITH claimed AS MATERIALIZED (
        SELECT unit_no
          FROM stock_units
         WHERE sku = $1::text AND reservation_id IS NULL
         ORDER BY unit_no
         LIMIT $3::int
           FOR UPDATE SKIP LOCKED
      ), taken AS (
        UPDATE stock_units SET reservation_id = $4::uuid
         WHERE sku = $1::text
           AND unit_no = ANY (ARRAY(SELECT unit_no FROM claimed))
           AND (SELECT count(*) FROM claimed) = $3::int
        RETURNING unit_no
      )
      UPDATE stock_levels
         SET reserved = reserved + $3::int,
             version = version + 1,
             fencing_token = fencing_token + 1
       WHERE sku = $1::text
         AND pool = $2::text
         AND (SELECT count(*) FROM taken) = $3::int
         AND on_hand - reserved - safety_stock >= $3::int
      RETURNING fencing_token AS "fencingToken"
      `,
      [sku, unitsPool, quantity, reservationId],
    );
    return level?.fencingToken;
  }
}

const stillWanted = (sku: string) =>
  unavailable(
    `Other buyers may be about to get the last units of ${sku}. Nothing was taken; send the same request again in a second.`,
  );
