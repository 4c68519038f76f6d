import { newId } from '../../src/ids';
import type { RefundBody } from '../../src/orders/fulfilment/order-refunds';
import type { PaymentGateway } from '../../src/payment/gateways/gateway';
import { shop, type World } from './fixtures';

/** Sold reservations and placed orders, and what became of their goods. */

type Line = { sku: string; quantity: number };

/** A confirmed reservation without an order; returns its id. */
export async function sold(world: World, lines: Line[], more: { pool?: string } = {}): Promise<string> {
  const id = await world.reserve(lines, more);
  await world.reservations.confirm(id, shop);
  return id;
}

/** A placed order; returns its id. */
export async function placed(world: World, lines: Line[]): Promise<string> {
  const orderId = await world.order(lines);
  world.gateway.expect('authorize').expect('capture');
  await world.runner().drive(orderId);
  return orderId;
}

export const shipReservation = (
  world: World,
  id: string,
  lines?: Line[],
  { key = newId(), ...more }: { key?: string; reference?: string } = {},
) => world.shipments.ship(id, { lines, ...more }, key, shop);

export const returnReservation = (
  world: World,
  id: string,
  lines: Line[],
  { key = newId(), ...more }: { key?: string; restock?: 'sellable' | 'none' } = {},
) => world.shipments.takeBack(id, { lines, ...more }, key, shop);

export const shipOrder = (
  world: World,
  orderId: string,
  lines?: Line[],
  { key = newId(), ...more }: { key?: string; reference?: string } = {},
) => world.orderShipments.ship({ orderId, body: { lines, ...more }, key, principal: shop });

/** Of one line of a reservation: sold, shipped, given back, returned. */
export async function countsOf(world: World, id: string, sku: string): Promise<number[]> {
  const { lines } = await world.reservation(id);
  const { quantity, shipped, givenBack, returned } = lines.find((line) => line.sku === sku)!;
  return [quantity, shipped!, givenBack!, returned!];
}

export const movementsOf = (world: World, sku: string, kind: string) =>
  world.rows<{ pool: string; delta: number; actor: string }>(
    `SELECT pool, delta, actor FROM stock_movements WHERE sku = $1 AND kind = $2 ORDER BY level_version, pool`,
    [sku, kind],
  );

export const messagesAbout = (world: World, id: string, type: string) =>
  world.rows<{ sequence: number; payload: Record<string, unknown>; applied: boolean }>(
    `SELECT sequence, payload, applied_at IS NOT NULL AS applied FROM outbox
      WHERE aggregate_id = $1 AND type = $2 ORDER BY sequence`,
    [id, type],
  );

export const refund = (
  world: World,
  orderId: string,
  body: Partial<RefundBody> = {},
  key: string = newId(),
) => world.refunds.request({ orderId, body: { reason: 'came back', ...body }, key, principal: shop });

/** A worker carries out what is due of this order, with this provider. */
export async function runTasks(world: World, orderId: string, gateway?: PaymentGateway): Promise<void> {
  await world.rows(
    `UPDATE payment_tasks
        SET next_run_at = clock_timestamp() - interval '1 second',
            lease_expires_at = CASE WHEN lease_expires_at IS NOT NULL THEN clock_timestamp() - interval '1 second' END
      WHERE order_id = $1 AND next_run_at IS NOT NULL`,
    [orderId],
  );
  const due = await world.rows<{ id: string; orderId: string }>(
    `SELECT id, order_id AS "orderId" FROM payment_tasks WHERE order_id = $1 AND next_run_at IS NOT NULL ORDER BY id`,
    [orderId],
  );
  for (const task of due) await world.tasks({ gateway }).run(task);
}

/** A placed order whose money is only set aside; returns its id. */
export async function heldOrder(world: World, lines: Line[]): Promise<string> {
  const orderId = await world.order(lines, { capture: 'on_shipment' });
  world.gateway.expect('authorize');
  await world.runner().drive(orderId);
  return orderId;
}

export const capture = (world: World, orderId: string, amount?: number, key: string = newId()) =>
  world.captures.request({ orderId, body: { amount }, key, principal: shop });
