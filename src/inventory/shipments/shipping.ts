import type { Tx } from '../../database/database';
import { newId, publicId } from '../../ids';
import type { Reservation } from '../reservations/reservation';
import { type SoldChange, addToSoldParts, soldPartsOf } from '../reservations/sold-lines.repository';
import { type NumberedUnit, shipStock, takeBackStock } from '../stock/sold-stock';
import type { ShipmentEntity, ShippedLine } from './shipment.entity';
import { insertShipment } from './shipments.repository';
import { type Portion, type WantedUnits, notBack, summed, toReturn, toShip, unshippedOf } from './sold-units';

/** Sold units leave and come back, each in one transaction under the reservation's row lock, which the caller holds. */

export interface ShipmentRequest {
  id?: string;
  /** Left out: all that is left. */
  lines?: WantedUnits[];
  reference?: string;
  actor: string;
}

/** The goods leave. Throws when they were not sold or have left already. */
export async function ship(
  tx: Tx,
  reservation: Reservation,
  { id = newId(), lines: wanted, reference, actor }: ShipmentRequest,
): Promise<ShipmentEntity> {
  const lines = await shipLines(tx, reservation, { id, lines: wanted, actor });
  const shipment: ShipmentEntity = {
    id,
    reservationId: reservation.id,
    orderId: reservation.orderId,
    status: 'shipped',
    lines,
    reference: reference ?? null,
    actor,
    createdAt: reservation.now,
    endedAt: reservation.now,
  };
  await insertShipment(tx, shipment);
  return shipment;
}

/** The units that are left, and whether `wanted` asks for all of them. Without `wanted`: it does. */
export async function wholeOf(
  tx: Tx,
  reservationId: string,
  wanted?: WantedUnits[],
): Promise<{ lines: WantedUnits[]; isAll: boolean }> {
  const parts = await soldPartsOf(tx, reservationId);
  const lines = summed(toShip(parts, wanted));
  const left = unshippedOf(parts);
  return {
    lines,
    isAll: left.every(({ sku, quantity }) =>
      lines.some((one) => one.sku === sku && one.quantity === quantity),
    ),
  };
}

/** The goods leave later, by `shipLines`. */
export async function planShipment(
  tx: Tx,
  reservation: Reservation,
  { id, lines, reference, actor }: Required<Pick<ShipmentRequest, 'id' | 'lines'>> & ShipmentRequest,
): Promise<ShipmentEntity> {
  const shipment: ShipmentEntity = {
    id,
    reservationId: reservation.id,
    orderId: reservation.orderId,
    status: 'pending',
    lines,
    reference: reference ?? null,
    actor,
    createdAt: reservation.now,
    endedAt: null,
  };
  await insertShipment(tx, shipment);
  return shipment;
}

/** The stock's part of a shipment whose row the caller writes. */
export async function shipLines(
  tx: Tx,
  reservation: Reservation,
  { id, lines, actor }: { id: string; lines?: WantedUnits[]; actor: string },
): Promise<ShippedLine[]> {
  const portions = toShip(await soldPartsOf(tx, reservation.id), lines);
  const units = await shipStock(tx, reservation.id, portions, { reason: publicId('shp', id), actor });
  await addToSoldParts(
    tx,
    reservation,
    portions.map((portion) => soldChange(portion, { shipped: portion.quantity })),
  );
  return linesOf(portions, units);
}

export type Restock = 'sellable' | 'none';

/** What came back of each SKU. */
export interface ReturnedLine extends WantedUnits {
  /** Of them, those that were never shipped. */
  givenBack: number;
}

export interface ReturnRequest {
  lines: (WantedUnits & { restock?: Restock })[];
  reason: string;
  actor: string;
}

/**
 * Units come back: those that were not shipped first, which go back on sale; then shipped ones, which go back on sale only
 * if the shop says that they can be sold.
 */
export async function takeBack(
  tx: Tx,
  reservation: Reservation,
  { lines, reason, actor }: ReturnRequest,
): Promise<ReturnedLine[]> {
  const { givenBack, returned } = toReturn(await soldPartsOf(tx, reservation.id), lines);
  const isSellable = ({ sku }: WantedUnits) =>
    lines.some((line) => line.sku === sku && line.restock === 'sellable');
  const restocked = summed(returned.filter(isSellable));
  await takeBackStock(tx, reservation.id, { givenBack, restocked }, { reason, actor });
  await addToSoldParts(tx, reservation, [
    ...mergedChanges(
      givenBack.map((portion) => soldChange(portion, { givenBack: portion.quantity })),
      returned.map((portion) => soldChange(portion, { returned: portion.quantity })),
    ),
  ]);
  return summed(lines).map(({ sku, quantity }) => ({
    sku,
    quantity,
    givenBack: givenBack.filter((one) => one.sku === sku).reduce((sum, one) => sum + one.quantity, 0),
  }));
}

export const isAllBack = async (tx: Tx, reservationId: string): Promise<boolean> =>
  (await soldPartsOf(tx, reservationId)).every((part) => notBack(part) === 0);

/** All that was not shipped goes back on sale; none of it may be left. */
export async function takeBackUnshipped(
  tx: Tx,
  reservation: Reservation,
  why: { reason: string; actor: string },
): Promise<ReturnedLine[]> {
  const lines = unshippedOf(await soldPartsOf(tx, reservation.id));
  return lines.length > 0 ? takeBack(tx, reservation, { lines, ...why }) : [];
}

const soldChange = ({ sku, pool }: Portion, counts: Partial<SoldChange>): SoldChange => ({
  sku,
  pool,
  shipped: 0,
  givenBack: 0,
  returned: 0,
  ...counts,
});

/** One change per part: of one pool some units may be given back and others returned. */
function mergedChanges(givenBack: SoldChange[], returned: SoldChange[]): SoldChange[] {
  const byPart = new Map(givenBack.map((change) => [`${change.sku}\n${change.pool}`, change]));
  for (const change of returned) {
    const name = `${change.sku}\n${change.pool}`;
    byPart.set(name, { ...change, givenBack: byPart.get(name)?.givenBack ?? 0 });
  }
  return [...byPart.values()];
}

const linesOf = (portions: Portion[], units: NumberedUnit[]): ShippedLine[] =>
  summed(portions).map(({ sku, quantity }) => {
    const numbers = units.filter((unit) => unit.sku === sku).map(({ unitNo }) => unitNo);
    return { sku, quantity, ...(numbers.length > 0 && { units: numbers }) };
  });
