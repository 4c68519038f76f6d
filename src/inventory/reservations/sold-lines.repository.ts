import { type Tx, columnsOf } from '../../database/database';
import type { ReservationLineEntity } from './reservation.entity';
import type { Reservation } from './reservation';

/** What a pool gave to a line of a sold reservation, and what became of it. */
export type SoldPart = Pick<
  ReservationLineEntity,
  'sku' | 'pool' | 'quantity' | 'shipped' | 'givenBack' | 'returned'
>;

/** For lines `l` of a reservation `r`: an order that ended gave back all that had not left, without counting it by line. */
export const givenBackOf = `CASE WHEN r.status = 'confirmed' AND r.returned_at IS NOT NULL THEN l.quantity - l.shipped ELSE l.given_back END`;

/** By (sku, pool). The caller holds the reservation's row lock, under which alone they change. */
export const soldPartsOf = (tx: Tx, reservationId: string): Promise<SoldPart[]> =>
  tx.rows<SoldPart>(
    `
    SELECT l.sku, l.pool, l.quantity, l.shipped, ${givenBackOf} AS "givenBack", l.returned
      FROM reservation_lines l
      JOIN reservations r ON r.id = l.reservation_id
     WHERE l.reservation_id = $1::uuid
     ORDER BY l.sku, l.pool
    `,
    [reservationId],
  );

export type SoldChange = Pick<SoldPart, 'sku' | 'pool' | 'shipped' | 'givenBack' | 'returned'>;

/** Adds these counts to the parts, and raises the reservation's version: its lines look different now. */
export async function addToSoldParts(tx: Tx, of: Reservation, changes: SoldChange[]): Promise<void> {
  const changed = await tx.affected(
    `
    WITH raised AS (
      UPDATE reservations SET version = version + 1 WHERE id = $1::uuid AND version = $2::int RETURNING id
    )
    UPDATE reservation_lines l
       SET shipped = l.shipped + n.shipped,
           given_back = l.given_back + n.given_back,
           returned = l.returned + n.returned
      FROM raised, unnest($3::text[], $4::text[], $5::int[], $6::int[], $7::int[])
             AS n (sku, pool, shipped, given_back, returned)
     WHERE l.reservation_id = raised.id AND l.sku = n.sku AND l.pool = n.pool
    `,
    [of.id, of.version, ...columnsOf(changes, 'sku', 'pool', 'shipped', 'givenBack', 'returned')],
  );
  if (changed !== changes.length) throw new Error(`Bug: reservation ${of.id} changed under its own lock.`);
}
