import { newId } from '../../src/ids';
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
