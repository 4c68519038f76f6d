import type { Tx } from '../../database/database';
import type { Reservation, ReservationLine } from './reservations.repository';
import type { Money } from './reservation-request';

/**
 * Writes what became of the lines of `skus`, those that are not in `lines` being gone, and the new total. The caller holds
 * the reservation's row lock and has taken, and given back, the stock.
 */
export async function saveLines(
  tx: Tx,
  from: Reservation,
  { skus, lines, total }: { skus: string[]; lines: ReservationLine[]; total: Money },
): Promise<void> {
  const parts = lines.flatMap(({ sku, unitAmount, parts: ofLine }) =>
    ofLine.map((part) => ({ ...part, sku, unitAmount })),
  );
  const saved = await tx.affected(
    `
    UPDATE reservations
       SET total_amount = $3::bigint, currency = $4::text, version = version + 1
     WHERE id = $1::uuid AND version = $2::int
    `,
    [from.id, from.version, total.amount, total.currency],
  );
  if (saved !== 1) throw new Error(`Bug: reservation ${from.id} changed under its own lock.`);
  await tx.affected(
    `
    WITH gone AS (
      DELETE FROM reservation_lines l
       WHERE l.reservation_id = $1::uuid
         AND l.sku = ANY ($2::text[])
         AND (l.sku, l.pool) NOT IN (SELECT n.sku, n.pool FROM unnest($3::text[], $4::text[]) AS n (sku, pool))
    )
    INSERT INTO reservation_lines (reservation_id, sku, pool, quantity, unit_amount, fencing_token)
    SELECT $1::uuid, sku, pool, quantity, unit_amount, fencing_token
      FROM unnest($3::text[], $4::text[], $5::int[], $6::bigint[], $7::bigint[])
             AS n (sku, pool, quantity, unit_amount, fencing_token)
        ON CONFLICT (reservation_id, sku, pool) DO UPDATE
       SET quantity = excluded.quantity, unit_amount = excluded.unit_amount, fencing_token = excluded.fencing_token
    `,
    [
      from.id,
      skus,
      parts.map(({ sku }) => sku),
      parts.map(({ pool }) => pool),
      parts.map(({ quantity }) => quantity),
      parts.map(({ unitAmount }) => unitAmount),
      parts.map(({ fencingToken }) => fencingToken),
    ],
  );
}
