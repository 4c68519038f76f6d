import type { Queryable, Tx } from '../database/database';
import type { StockDemand, StockGrant } from './strategies/strategy';

/**
 * The rows that everybody wants. Lock order, here and everywhere: saga, reservation, stock levels by (sku, pool).
 */

export interface StockLevel {
  sku: string;
  onHand: number;
  reserved: number;
}

export interface LockedLevel extends StockLevel {
  pool: string;
  fencingToken: number;
  version: number;
}

export const mainPool = 'main';

/** Rules beside the stock itself, asked in the order of the checkouts and told of each that got its stock. */
export interface Limits {
  allow(nth: number): boolean;
  taken(nth: number): void;
}

const noLimits: Limits = { allow: () => true, taken: () => undefined };

/**
 * Takes stock for many checkouts under one lock of all rows involved: availability is read once, decided in memory in
 * the order of the array, and written with one statement.
 *
 * A checkout gets all of its demands or none; one that is short takes nothing from those behind it, and is told what
 * was available to it when its turn came.
 */
export async function takeTogether(
  tx: Tx,
  checkouts: StockDemand[][],
): Promise<(StockGrant[] | 'over-limit')[]> {
  return takeLocked(tx, await lockLevels(tx, checkouts.flat()), checkouts, noLimits);
}

/** The same from rows that the caller has locked, under limits that it counted since. */
export async function takeLocked(
  tx: Tx,
  locked: LockedLevel[],
  checkouts: StockDemand[][],
  limits: Limits,
): Promise<(StockGrant[] | 'over-limit')[]> {
  const levels = new Map(locked.map((level) => [keyOf(level), level]));
  const taken = new Map<string, { sku: string; pool: string; quantity: number; grants: number }>();

  const answers = checkouts.map((demands, nth) => {
    if (!limits.allow(nth)) return 'over-limit';
    const available = demands.map((demand) => {
      const level = levels.get(keyOf(demand));
      return level ? level.onHand - level.reserved - (taken.get(keyOf(demand))?.quantity ?? 0) : 0;
    });
    const fits = demands.every((demand, index) => available[index]! >= demand.quantity);
    if (fits) limits.taken(nth);
    return demands.map((demand, index): StockGrant => {
      if (available[index]! < demand.quantity) return { taken: false, available: available[index]! };
      const level = levels.get(keyOf(demand))!;
      if (!fits) return { taken: true, fencingToken: level.fencingToken };
      const sum = taken.get(keyOf(demand)) ?? { sku: demand.sku, pool: demand.pool, quantity: 0, grants: 0 };
      taken.set(keyOf(demand), { ...sum, quantity: sum.quantity + demand.quantity, grants: sum.grants + 1 });
      return { taken: true, fencingToken: level.fencingToken + sum.grants + 1 };
    });
  });

  const sums = [...taken.values()];
  if (sums.length > 0) {
    await tx.affected(
      `
      UPDATE stock_levels s
         SET reserved = s.reserved + t.quantity,
             version = s.version + 1,
             fencing_token = s.fencing_token + t.grants
        FROM unnest($1::text[], $2::text[], $3::int[], $4::int[]) AS t (sku, pool, quantity, grants)
       WHERE s.sku = t.sku AND s.pool = t.pool
      `,
      [
        sums.map((sum) => sum.sku),
        sums.map((sum) => sum.pool),
        sums.map((sum) => sum.quantity),
        sums.map((sum) => sum.grants),
      ],
    );
  }
  return answers;
}

/** Locks the rows in ascending (sku, pool) order, which every transaction keeps to, so that none waits in a circle. */
export function lockLevels(tx: Tx, rows: { sku: string; pool: string }[]): Promise<LockedLevel[]> {
  return tx.rows<LockedLevel>(
    `
    WITH locked AS MATERIALIZED (
      SELECT s.sku, s.pool, s.on_hand, s.reserved, s.fencing_token, s.version
        FROM stock_levels s
       WHERE (s.sku, s.pool) IN (SELECT d.sku, d.pool FROM unnest($1::text[], $2::text[]) AS d (sku, pool))
       ORDER BY s.sku, s.pool
         FOR UPDATE OF s
    )
    SELECT sku, pool, on_hand AS "onHand", reserved, fencing_token AS "fencingToken", version FROM locked
    `,
    [rows.map((row) => row.sku), rows.map((row) => row.pool)],
  );
}

/** Puts the units of these reservations back on sale. The caller has just ended them, under their row locks. */
export async function giveBack(tx: Tx, reservationIds: string[]): Promise<void> {
  if (reservationIds.length === 0) return;
  await tx.affected(
    `
    WITH sums AS MATERIALIZED (
      SELECT sku, pool, sum(quantity)::int AS quantity
        FROM reservation_lines
       WHERE reservation_id = ANY ($1::uuid[])
       GROUP BY sku, pool
    ), locked AS MATERIALIZED (
      SELECT s.sku, s.pool, sums.quantity
        FROM stock_levels s JOIN sums USING (sku, pool)
       ORDER BY s.sku, s.pool
         FOR UPDATE OF s
    )
    UPDATE stock_levels s
       SET reserved = s.reserved - locked.quantity,
           version = s.version + 1
      FROM locked
     WHERE s.sku = locked.sku AND s.pool = locked.pool
    `,
    [reservationIds],
  );
}

/** What is there now, summed over pools. Advisory: only a reservation is a promise. */
export function readLevels(queryable: Queryable, skus: string[]): Promise<StockLevel[]> {
  return queryable.rows<StockLevel>(
    `
    SELECT sku, sum(on_hand)::int AS "onHand", sum(reserved)::int AS reserved
      FROM stock_levels
     WHERE sku = ANY ($1::text[])
     GROUP BY sku
     ORDER BY sku
    `,
    [skus],
  );
}

export const stockView = ({ sku, onHand, reserved }: StockLevel) => ({
  sku,
  onHand,
  reserved,
  available: onHand - reserved,
});

const keyOf = ({ sku, pool }: { sku: string; pool: string }) => `${sku}\n${pool}`;
