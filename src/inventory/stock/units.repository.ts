import type { Tx } from '../../database/database';

/**
 * The rows of `unit-tokens`: one per unit in the pool `units`, free or taken by a reservation. As many rows as that
 * pool's `on_hand`, as many of them taken as its `reserved`; so all that changes one changes the other.
 *
 * Nobody waits for a free unit's row lock (SKIP LOCKED), so it may be taken before or after the stock row's. Only giving
 * units back waits for their rows, and does so before it locks any stock row.
 *
 * Statements name the units that they have found (`= ANY (ARRAY(…))`) and do not join with them. Of a product that came
 * after the last ANALYZE the planner believes that it has one row, and would read all of them to find those few.
 */

/** As many rows as are written within the statement timeout; more units are better kept as a number. */
export const unitsMax = 100_000;

/** Locks up to `limit` free units, the lowest numbers first, and returns them: fewer when rivals hold the others. */
export async function lockFreeUnits(tx: Tx, sku: string, limit: number): Promise<number[]> {
  const rows = await tx.rows<{ unitNo: number }>(
    `
    SELECT unit_no AS "unitNo"
      FROM stock_units
     WHERE sku = $1::text AND reservation_id IS NULL
     ORDER BY unit_no
     LIMIT $2::int
       FOR UPDATE SKIP LOCKED
    `,
    [sku, limit],
  );
  return rows.map(({ unitNo }) => unitNo);
}

/** Gives these units, which the caller has locked, to a reservation. */
export async function takeUnits(
  tx: Tx,
  sku: string,
  unitNos: number[],
  reservationId: string,
): Promise<void> {
  const taken = await tx.affected(
    `
    UPDATE stock_units SET reservation_id = $3::uuid
     WHERE sku = $1::text AND unit_no = ANY ($2::int[]) AND reservation_id IS NULL
    `,
    [sku, unitNos, reservationId],
  );
  if (taken !== unitNos.length) throw new Error(`Bug: a unit of ${sku} changed under its own lock.`);
}

/**
 * Makes so many units, under the lowest numbers that are free to be given: a unit that was written off has its number
 * from its successor. The caller holds the stock row, and `onHand` is what it will be with them.
 */
export async function mintUnits(tx: Tx, sku: string, quantity: number, onHand: number): Promise<void> {
  const minted = await tx.affected(
    `
    INSERT INTO stock_units (sku, unit_no)
    SELECT $1::text, number
      FROM generate_series(1, $3::int) AS number
     WHERE NOT EXISTS (SELECT FROM stock_units u WHERE u.sku = $1::text AND u.unit_no = number)
     ORDER BY number
     LIMIT $2::int
    `,
    [sku, quantity, onHand],
  );
  if (minted !== quantity) throw new Error(`Bug: ${minted} of ${quantity} units of ${sku} could be minted.`);
}

/** Deletes free units, the highest numbers first; returns how many. Units that a buyer has locked are left. */
export function retireUnits(tx: Tx, sku: string, quantity: number): Promise<number> {
  return tx.affected(
    `
    WITH last AS MATERIALIZED (
      SELECT unit_no
        FROM stock_units
       WHERE sku = $1::text AND reservation_id IS NULL
       ORDER BY unit_no DESC
       LIMIT $2::int
         FOR UPDATE SKIP LOCKED
    )
    DELETE FROM stock_units
     WHERE sku = $1::text AND unit_no = ANY (ARRAY(SELECT unit_no FROM last))
    `,
    [sku, quantity],
  );
}
