import { type Tx, columnsOf } from '../../database/database';
import { dealOut, unitsPool } from '../products/pools';
import { lockProduct } from '../products/products.repository';
import { giveBackParts, giveBackUnits } from './stock-levels.repository';
import { lockAllLevels, lockLevels } from './stock-locks.repository';
import { moveStock } from './transfers';

/** Sold stock that leaves or comes back. The caller holds the reservation's row lock. */

export interface StockPortion {
  sku: string;
  pool: string;
  quantity: number;
}

export interface Why {
  reason: string;
  actor: string;
}

export interface NumberedUnit {
  sku: string;
  unitNo: number;
}

/**
 * Sold units leave: they are no longer on hand and no longer reserved, so what is available stays as it is. Numbered units
 * are retired, the reservation's lowest numbers first; these are returned.
 */
export async function shipStock(
  tx: Tx,
  reservationId: string,
  portions: StockPortion[],
  { reason, actor }: Why,
): Promise<NumberedUnit[]> {
  const units = await retireSoldUnits(tx, reservationId, portions);
  await lockLevels(tx, portions);
  const moved = await tx.affected(
    `
    WITH moved AS (
      UPDATE stock_levels s
         SET on_hand = s.on_hand - n.quantity, reserved = s.reserved - n.quantity, version = s.version + 1
        FROM unnest($1::text[], $2::text[], $3::int[]) AS n (sku, pool, quantity)
       WHERE s.sku = n.sku AND s.pool = n.pool AND s.reserved >= n.quantity
      RETURNING s.sku, s.pool, s.version, n.quantity, s.on_hand
    )
    INSERT INTO stock_movements (sku, pool, level_version, kind, delta, on_hand_after, reason, actor)
    SELECT sku, pool, version, 'ship', -quantity, on_hand, $4::text, $5::text FROM moved
    `,
    [...columnsOf(portions, 'sku', 'pool', 'quantity'), reason, actor],
  );
  if (moved !== portions.length)
    throw new Error(`Bug: the stock of reservation ${reservationId} is not reserved.`);
  return units;
}

/** Deletes the rows of the reservation's lowest numbers. Nobody else locks them, because they are taken. */
async function retireSoldUnits(
  tx: Tx,
  reservationId: string,
  portions: StockPortion[],
): Promise<NumberedUnit[]> {
  const numbered = portions.filter(({ pool }) => pool === unitsPool);
  if (numbered.length === 0) return [];
  const units = (await unitsOf(tx, reservationId, numbered)).map((own, nth) =>
    own.slice(0, numbered[nth]!.quantity),
  );
  const retired = await tx.affected(
    `
    DELETE FROM stock_units
     WHERE reservation_id = $1::uuid
       AND (sku, unit_no) IN (SELECT u.sku, u.unit_no FROM unnest($2::text[], $3::int[]) AS u (sku, unit_no))
    `,
    [reservationId, ...columnsOf(units.flat(), 'sku', 'unitNo')],
  );
  const asked = numbered.reduce((sum, { quantity }) => sum + quantity, 0);
  if (retired !== asked) throw new Error(`Bug: reservation ${reservationId} lost a unit that it held.`);
  return units.flat();
}

/** The reservation's units of each portion's SKU, by number. */
async function unitsOf(tx: Tx, reservationId: string, portions: StockPortion[]): Promise<NumberedUnit[][]> {
  const units = await tx.rows<NumberedUnit>(
    `
    SELECT sku, unit_no AS "unitNo"
      FROM stock_units
     WHERE reservation_id = $1::uuid
     ORDER BY sku, unit_no
    `,
    [reservationId],
  );
  return portions.map(({ sku }) => units.filter((unit) => unit.sku === sku));
}

/**
 * Sold units come back: `givenBack` were never shipped and go back on sale from where they are reserved, the highest numbers
 * of numbered units first. `restocked` were shipped and are received where the product's stock belongs now.
 */
export async function takeBackStock(
  tx: Tx,
  reservationId: string,
  { givenBack, restocked }: { givenBack: StockPortion[]; restocked: { sku: string; quantity: number }[] },
  why: Why,
): Promise<void> {
  const numbered = givenBack.filter(({ pool }) => pool === unitsPool);
  const units = numbered.length > 0 ? await unitsOf(tx, reservationId, numbered) : [];
  await giveBackUnits(
    tx,
    reservationId,
    units.flatMap((own, nth) => own.slice(-numbered[nth]!.quantity)),
  );
  const products = [];
  // In the order of the SKUs, and before all stock rows, as every change of a product.
  for (const { sku } of restocked) products.push((await lockProduct(tx, sku))!);
  await lockAllLevels(tx, [...new Set([...givenBack, ...restocked].map(({ sku }) => sku))]);
  await giveBackParts(tx, givenBack);
  for (const [nth, { sku, quantity }] of restocked.entries())
    await moveStock(tx, sku, dealOut(quantity, products[nth]!.pools), { ...why, kind: 'return' });
}
