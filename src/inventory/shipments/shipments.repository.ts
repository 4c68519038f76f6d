import type { Queryable, Tx } from '../../database/database';
import type { ShipmentEntity, ShipmentStatus, ShippedLine } from './shipment.entity';

/** Shipments of reservations, in SQL. */

export async function insertShipment(tx: Tx, shipment: ShipmentEntity): Promise<void> {
  await tx.affected(
    `
    INSERT INTO shipments (id, reservation_id, order_id, status, lines, reference, actor, created_at, ended_at)
    VALUES ($1::uuid, $2::uuid, $3::uuid, $4::text, $5::jsonb, $6::text, $7::text, $8::timestamptz, $9::timestamptz)
    `,
    [
      shipment.id,
      shipment.reservationId,
      shipment.orderId,
      shipment.status,
      JSON.stringify(shipment.lines),
      shipment.reference,
      shipment.actor,
      shipment.createdAt,
      shipment.endedAt,
    ],
  );
}

export async function findShipment(queryable: Queryable, id: string): Promise<ShipmentEntity | undefined> {
  const [shipment] = await queryable.rows<ShipmentEntity>(
    `
    SELECT id, reservation_id AS "reservationId", order_id AS "orderId", status, lines, reference, actor,
           created_at AS "createdAt", ended_at AS "endedAt"
      FROM shipments
     WHERE id = $1::uuid
    `,
    [id],
  );
  return shipment;
}

/** A failed shipment does not count. Exact while the caller holds the row lock of the order's saga. */
export async function hasShipments(queryable: Queryable, orderId: string): Promise<boolean> {
  const rows = await queryable.rows(
    `SELECT id FROM shipments WHERE order_id = $1::uuid AND status <> 'failed' LIMIT 1`,
    [orderId],
  );
  return rows.length > 0;
}

export interface ShipmentEnd {
  status: Exclude<ShipmentStatus, 'pending'>;
  lines: ShippedLine[];
  endedAt: Date;
}

/** Ends a pending one. */
export async function endShipment(
  tx: Tx,
  id: string,
  { status, lines, endedAt }: ShipmentEnd,
): Promise<void> {
  const ended = await tx.affected(
    `
    UPDATE shipments SET status = $2::text, lines = $3::jsonb, ended_at = $4::timestamptz
     WHERE id = $1::uuid AND status = 'pending'
    `,
    [id, status, JSON.stringify(lines), endedAt],
  );
  if (ended !== 1) throw new Error(`Bug: shipment ${id} is not pending.`);
}
