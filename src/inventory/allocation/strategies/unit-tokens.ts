import type { Tx } from '../../../database/database';
import { LostRace } from '../../../database/pg-errors';
import { unavailable } from '../../../errors';
import { noteConflict } from '../contention';
import { unitsPool } from '../../products/pools';
import type { StockStrategy, Taker } from './strategy';
import type { StockDemand, StockGrant } from '../../stock/stock-grants';

/** A buyer who waits longer than this for rivals to make up their minds is better told to come back. */
const waitMsMax = 3_000;
/** The longest pause between two looks; drawn anew each time, so that rivals do not meet again. */
const pauseMsMax = 10;

/**
 * One row per unit, and whoever locks it has it: each buyer gets units that nobody else is looking at (SKIP LOCKED), and
 * knows their numbers. For what is sold by number: seats, tickets, prints.
 *
 * To skip is not to know. A buyer who finds too few units has seen which ones rivals are about to get, not which ones
 * they will keep; only what is committed says "sold out", and until it does the buyer looks again.
 */
export class UnitTokens implements StockStrategy {
  readonly name = 'unit-tokens';

  async take(tx: Tx, demands: StockDemand[], taker: Taker): Promise<StockGrant[]> {
    const grants: StockGrant[] = [];
    for (const demand of demands) grants.push(await this.takeOne(tx, demand, taker));
    return grants;
  }

  private async takeOne(tx: Tx, demand: StockDemand, { reservationId }: Taker): Promise<StockGrant> {
    const { sku, quantity } = demand;
    const giveUpAt = performance.now() + waitMsMax;
    await tx.rows('SAVEPOINT claim');
    for (;;) {
      const fencingToken = await this.claim(tx, demand, reservationId);
      if (fencingToken !== undefined)
        return { taken: true, parts: [{ pool: unitsPool, quantity, fencingToken }] };
      // Too few to be had are of use to somebody else, and nobody is to wait for us while we pause.
      await tx.rows('ROLLBACK TO SAVEPOINT claim');
      const available = await this.available(tx, sku);
      if (available < quantity) return { taken: false, available };
      noteConflict(sku, this.name);
      // Under its one old snapshot it would never see what its rivals did.
      if (tx.isolation === 'SERIALIZABLE')
        throw new LostRace(`Rivals are looking at the last units of ${sku}.`);
      if (performance.now() > giveUpAt) throw stillWanted(sku);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMsMax));
    }
  }

  /**
   * All of the units or none of them, and the stock row with them: last, because all buyers share that one. The units are
   * named, not joined: see units.ts.
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
      RETURNING fencing_token AS "fencingToken"
      `,
      [sku, unitsPool, quantity, reservationId],
    );
    return level?.fencingToken;
  }

  /** What is on sale by all that is committed; rivals' claims are not. */
  private async available(tx: Tx, sku: string): Promise<number> {
    const [level] = await tx.rows<{ available: number }>(
      `SELECT on_hand - reserved AS available FROM stock_levels WHERE sku = $1::text AND pool = $2::text`,
      [sku, unitsPool],
    );
    return level?.available ?? 0;
  }
}

const stillWanted = (sku: string) =>
  unavailable(
    `Rivals are looking at the last units of ${sku}. Nothing was taken; send the same request again in a second.`,
  );
