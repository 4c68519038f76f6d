import type { Tx } from '../../src/database/database';
import {
  type OrderReservation,
  lockOrderReservations,
  saveOrderReservations,
} from '../../src/inventory/reservations/order-reservations.repository';

/** What a saga does to its order's stock, one action at a time: lock, change, write. */
async function held<T>(
  tx: Tx,
  reservationId: string,
  orderId: string,
  act: (stock: OrderReservation) => T,
): Promise<T> {
  const stock = (await lockOrderReservations(tx, [{ orderId, reservationId }])).get(orderId)!;
  const result = act(stock);
  await saveOrderReservations(tx, [stock]);
  return result;
}

export const pin = (tx: Tx, reservationId: string, orderId: string) =>
  held(tx, reservationId, orderId, (stock) => stock.pin());

export const unpin = (tx: Tx, reservationId: string, orderId: string) =>
  held(tx, reservationId, orderId, (stock) => stock.unpin());

export const confirmPinned = (tx: Tx, reservationId: string, orderId: string) =>
  held(tx, reservationId, orderId, (stock) => stock.confirm());

export const undoReservation = (tx: Tx, reservationId: string, orderId: string, endReason: string) =>
  held(tx, reservationId, orderId, (stock) => stock.undo(endReason));
