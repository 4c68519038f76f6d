import { type Tx, columnsOf } from '../../database/database';

export interface LockedReservation {
  id: string;
  principal: string;
  orderId: string | null;
  status: string;
  isDue: boolean;
  units: number;
  version: number;
}

/**
 * Locks them in the order of their ids, as everybody does, and returns their state after the locks. Read by a second
 * statement: the one that waited would still count the units of lines that were changed while it waited.
 */
export async function lockReservations(tx: Tx, ids: string[]): Promise<LockedReservation[]> {
  await tx.rows(`SELECT id FROM reservations WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`, [ids]);
  return tx.rows<LockedReservation>(
    `
    SELECT r.id, r.principal, r.order_id AS "orderId", r.status, r.version,
           r.status = 'active' AND r.expires_at <= statement_timestamp() AS "isDue",
           (SELECT coalesce(sum(l.quantity), 0)::bigint FROM reservation_lines l WHERE l.reservation_id = r.id) AS units
      FROM reservations r
     WHERE r.id = ANY ($1::uuid[])
     ORDER BY r.id
    `,
    [ids],
  );
}

/** Releases reservations that the caller has locked and found active. */
export async function releaseLocked(
  tx: Tx,
  found: { id: string; version: number }[],
  endReason: string,
  now: Date,
): Promise<void> {
  if (found.length === 0) return;
  const released = await tx.affected(
    `
    UPDATE reservations r
       SET status = 'released', end_reason = $3::text, ended_at = $4::timestamptz, version = r.version + 1
      FROM unnest($1::uuid[], $2::int[]) AS found (id, version)
     WHERE r.id = found.id AND r.version = found.version
    `,
    [...columnsOf(found, 'id', 'version'), endReason, now],
  );
  if (released !== found.length) throw new Error('Bug: a reservation changed under its own lock.');
}
