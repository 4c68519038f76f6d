import { type Queryable, type Tx, columnsOf } from '../../database/database';
import { availableIn, unitsPool } from '../products/pools';
import { type LockedLevel, levelKey as keyOf, lockAllLevels, lockLevels } from './stock-locks.repository';
import type { StockLevelEntity } from './stock.entity';
import { lockFreeUnits, takeUnits } from './units.repository';

/**
 * The rows that buyers compete for. Lock order, here and everywhere: saga, reservation, product, stock levels by (sku, pool).
 */

/** A quantity of one SKU. */
export interface StockDemand {
  sku: string;
  /** Where it is taken from: for most strategies the only pool. */
  pool: string;
  quantity: number;
  /** Pools to try next, in this order, when that one has too few. */
  others?: readonly string[];
}

/** What one pool gave, and under which fencing token. */
export interface StockPart {
  pool: string;
  quantity: number;
  fencingToken: number;
}

/** Taken, from one pool or from several, or not taken because only so many were available. */
export type StockGrant = { taken: true; parts: StockPart[] } | { taken: false; available: number };

/** Summed over pools, with the product's safety stock. */
export type StockLevel = Pick<StockLevelEntity, 'sku' | 'onHand' | 'reserved' | 'safetyStock'>;

/** Limits beside the stock itself, checked in the order of the checkouts. `taken` reports each that got its stock. */
export interface Limits {
  allow(nth: number): boolean;
  taken(nth: number): void;
}

const noLimits: Limits = { allow: () => true, taken: () => undefined };

/**
 * Takes stock for many checkouts under one lock of all rows involved: availability is read once, decided in memory in
 * the order of the array, and written with one statement.
 *
 * A checkout gets all of its demands or none; one that is short takes nothing from the ones after it, and gets what was
 * available when it was decided.
 */
export async function takeGrouped(
  tx: Tx,
  checkouts: StockDemand[][],
): Promise<(StockGrant[] | 'over-limit')[]> {
  return takeLocked(tx, await lockLevels(tx, checkouts.flat()), checkouts, noLimits);
}

/** Takes stock for one checkout under the locks of all its rows. */
export async function takeUnderLock(tx: Tx, demands: StockDemand[]): Promise<StockGrant[]> {
  const [grants] = await takeGrouped(tx, [demands]);
  return grants as StockGrant[];
}

/** Like `takeGrouped`, from rows that the caller has locked, with the limits that it counted under those locks. */
export async function takeLocked(
  tx: Tx,
  locked: LockedLevel[],
  checkouts: StockDemand[][],
  limits: Limits,
): Promise<(StockGrant[] | 'over-limit')[]> {
  const levels = new Map(locked.map((level) => [keyOf(level), level]));
  const taken = new Map<string, Taking>();

  const answers = checkouts.map((demands, nth) => {
    if (!limits.allow(nth)) return 'over-limit';
    const available = demands.map((demand) => {
      const level = levels.get(keyOf(demand));
      return level ? availableIn(level) - (taken.get(keyOf(demand))?.quantity ?? 0) : 0;
    });
    const fits = demands.every((demand, index) => available[index]! >= demand.quantity);
    if (fits) limits.taken(nth);
    return demands.map((demand, index): StockGrant => {
      if (available[index]! < demand.quantity) return { taken: false, available: available[index]! };
      const { sku, pool, quantity } = demand;
      const { fencingToken } = levels.get(keyOf(demand))!;
      if (!fits) return { taken: true, parts: [{ pool, quantity, fencingToken }] };
      const sum = taken.get(keyOf(demand)) ?? { sku, pool, quantity: 0, grants: 0 };
      taken.set(keyOf(demand), { ...sum, quantity: sum.quantity + quantity, grants: sum.grants + 1 });
      return { taken: true, parts: [{ pool, quantity, fencingToken: fencingToken + sum.grants + 1 }] };
    });
  });

  await addReserved(tx, [...taken.values()]);
  return answers;
}

/**
 * Takes all that one reservation asks for, or nothing, from whatever pools have it, under the locks of all of them: a
 * demand's own pool first, then the others it names, then the rest. It may be split where no single pool has enough.
 */
export async function takeFromAnyPool(
  tx: Tx,
  demands: StockDemand[],
  reservationId: string,
): Promise<StockGrant[]> {
  const skus = demands.map(({ sku }) => sku);
  const levels = await lockAllLevels(tx, skus);
  return takeFromLockedPools(tx, levels, demands, reservationId);
}

/** The same from rows that the caller has locked: all that these SKUs have. */
export async function takeFromLockedPools(
  tx: Tx,
  levels: LockedLevel[],
  demands: StockDemand[],
  reservationId: string,
): Promise<StockGrant[]> {
  const units: { sku: string; unitNos: number[] }[] = [];
  const grants: StockGrant[] = [];
  for (const demand of demands) {
    const parts: StockPart[] = [];
    let missing = demand.quantity;
    for (const level of inOrderOf(demand, levels)) {
      let quantity = Math.min(missing, availableIn(level));
      if (level.pool === unitsPool && quantity > 0) {
        // A rival may have locked an available unit already, and waits for the stock row that we hold.
        const unitNos = await lockFreeUnits(tx, demand.sku, quantity);
        units.push({ sku: demand.sku, unitNos });
        quantity = unitNos.length;
      }
      if (quantity > 0) parts.push({ pool: level.pool, quantity, fencingToken: level.fencingToken + 1 });
      missing -= quantity;
    }
    grants.push(
      missing === 0 ? { taken: true, parts } : { taken: false, available: demand.quantity - missing },
    );
  }
  if (grants.some(({ taken }) => !taken)) return grants;

  for (const { sku, unitNos } of units) await takeUnits(tx, sku, unitNos, reservationId);
  const takings = demands.flatMap(({ sku }, nth) =>
    partsOf(grants[nth]!).map(({ pool, quantity }) => ({ sku, pool, quantity, grants: 1 })),
  );
  await addReserved(tx, takings);
  return grants;
}

/** The SKU's rows, those that the demand names before the others. */
function inOrderOf(demand: StockDemand, levels: LockedLevel[]): LockedLevel[] {
  const named = [demand.pool, ...(demand.others ?? [])];
  const place = ({ pool }: LockedLevel) => (named.includes(pool) ? named.indexOf(pool) : named.length);
  return levels.filter(({ sku }) => sku === demand.sku).sort((one, other) => place(one) - place(other));
}

/** The parts of a grant. Throws if nothing was taken. */
export function partsOf(grant: StockGrant): StockPart[] {
  if (!grant.taken) throw new Error('Bug: a reservation is made of stock that was not taken.');
  return grant.parts;
}

/** What a grant makes of a reservation's line. */
export const lineOf = (parts: StockPart[]) => ({
  parts,
  fencingToken: Math.max(...parts.map(({ fencingToken }) => fencingToken)),
});

interface Taking {
  sku: string;
  pool: string;
  quantity: number;
  grants: number;
}

/** Writes what was taken from rows that the caller has locked, or given back (less than 0). */
async function addReserved(tx: Tx, takings: Taking[]): Promise<void> {
  if (takings.length === 0) return;
  await tx.affected(
    `
    UPDATE stock_levels s
       SET reserved = s.reserved + t.quantity,
           version = s.version + 1,
           fencing_token = s.fencing_token + t.grants
      FROM unnest($1::text[], $2::text[], $3::int[], $4::int[]) AS t (sku, pool, quantity, grants)
     WHERE s.sku = t.sku AND s.pool = t.pool
    `,
    columnsOf(takings, 'sku', 'pool', 'quantity', 'grants'),
  );
}

/**
 * Puts the units of these reservations back on sale. The caller has just ended them, under their row locks.
 *
 * Unit rows come before stock rows, because they may have to be waited for: a buyer who locked one while it was being
 * taken holds it, and waits for its stock row.
 */
export async function giveBack(tx: Tx, reservationIds: string[]): Promise<void> {
  if (reservationIds.length === 0) return;
  await tx.affected(
    `
    WITH freed AS (
      UPDATE stock_units SET reservation_id = NULL
       WHERE reservation_id = ANY ($1::uuid[])
      RETURNING unit_no
    ), sums AS MATERIALIZED (
      SELECT sku, pool, sum(quantity - shipped - given_back)::bigint AS quantity
        FROM reservation_lines
       WHERE reservation_id = ANY ($1::uuid[])
       GROUP BY sku, pool
    ), locked AS MATERIALIZED (
      SELECT s.sku, s.pool, sums.quantity
        FROM stock_levels s JOIN sums USING (sku, pool)
       WHERE (SELECT count(*) FROM freed) >= 0
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

/**
 * Puts these numbered units of one reservation back on sale. Before any stock row is locked, for the reason that
 * `giveBack` has; the caller takes them off `reserved` by `giveBackParts`.
 */
export async function giveBackUnits(
  tx: Tx,
  reservationId: string,
  units: { sku: string; unitNo: number }[],
): Promise<void> {
  if (units.length === 0) return;
  const freed = await tx.affected(
    `
    UPDATE stock_units SET reservation_id = NULL
     WHERE reservation_id = $1::uuid
       AND (sku, unit_no) IN (SELECT u.sku, u.unit_no FROM unnest($2::text[], $3::int[]) AS u (sku, unit_no))
    `,
    [reservationId, ...columnsOf(units, 'sku', 'unitNo')],
  );
  if (freed !== units.length) throw new Error(`Bug: reservation ${reservationId} lost a unit that it held.`);
}

/** Puts parts of a reservation's lines back on sale, in rows that the caller has locked. */
export function giveBackParts(
  tx: Tx,
  parts: { sku: string; pool: string; quantity: number }[],
): Promise<void> {
  return addReserved(
    tx,
    parts.map(({ sku, pool, quantity }) => ({ sku, pool, quantity: -quantity, grants: 0 })),
  );
}

/** Current stock, summed over pools. Advisory: only a reservation is a promise. */
export function readLevels(queryable: Queryable, skus: string[]): Promise<StockLevel[]> {
  return queryable.rows<StockLevel>(
    `
    SELECT s.sku, sum(s.on_hand)::bigint AS "onHand", sum(s.reserved)::bigint AS reserved,
           coalesce((SELECT p.safety_stock FROM products p WHERE p.sku = s.sku), 0) AS "safetyStock"
      FROM stock_levels s
     WHERE s.sku = ANY ($1::text[])
     GROUP BY s.sku
     ORDER BY s.sku
    `,
    [skus],
  );
}

/** Committed units only: what a rival has written and not committed still counts as available. */
export async function availableInPool(queryable: Queryable, sku: string, pool: string): Promise<number> {
  const [level] = await queryable.rows<{ available: number }>(
    `
    SELECT greatest(0, on_hand - reserved - safety_stock) AS available
      FROM stock_levels
     WHERE sku = $1::text AND pool = $2::text
    `,
    [sku, pool],
  );
  return level?.available ?? 0;
}

export const stockView = (level: StockLevel) => ({
  sku: level.sku,
  onHand: level.onHand,
  reserved: level.reserved,
  safetyStock: level.safetyStock,
  available: availableIn(level),
});
