import type { Tx } from '../database/database';
import {
  type MessageType,
  type NumberedMessage,
  insertNumberedMessages,
  numberedMessages,
} from '../outbox/outbox';
import type { OrderEnd } from './saga-state';
import type { OrderStatus } from './orders.repository';

/** What a saga knows of its order. It changes only under the saga's lock. */
export interface OrderFacts {
  orderId: string;
  status: OrderStatus;
  reservationId: string;
  paymentMethod: string;
  amount: number;
  currency: string;
}

export async function orderFactsOf(tx: Tx, orderIds: string[]): Promise<OrderFacts[]> {
  return tx.rows<OrderFacts>(
    `
    SELECT id AS "orderId", status, reservation_id AS "reservationId", payment_method AS "paymentMethod",
           total_amount AS amount, currency
      FROM orders
     WHERE id = ANY ($1::uuid[])
    `,
    [orderIds],
  );
}

/** One change of an order's status, with the message about it. */
export interface OrderMove {
  orderId: string;
  reservationId: string;
  from: OrderStatus;
  to: OrderStatus;
  reason: string | null;
  message: MessageType;
  at: Date;
}

/** The status, reason and message of each end. */
export const orderEnds: Record<OrderEnd, Pick<OrderMove, 'to' | 'reason' | 'message'>> = {
  payment_declined: { to: 'rejected', reason: 'payment_declined', message: 'order.rejected' },
  reservation_expired: { to: 'rejected', reason: 'reservation_expired', message: 'order.rejected' },
  cancelled: { to: 'rejected', reason: 'cancelled', message: 'order.rejected' },
  abandoned: { to: 'rejected', reason: 'abandoned', message: 'order.rejected' },
  placed_then_cancelled: { to: 'cancelled', reason: null, message: 'order.cancelled' },
  placed_then_refunded: { to: 'refunded', reason: null, message: 'order.refunded' },
};

/** Writes each order's last status, and a message for each move, numbered by the order's version. */
export async function moveOrders(tx: Tx, movesOfOrders: (readonly OrderMove[])[]): Promise<void> {
  const moved = movesOfOrders.filter((moves) => moves.length > 0);
  if (moved.length === 0) return;
  const last = moved.map((moves) => moves[moves.length - 1]!);
  // guard: messages-of-moves
  const sent = moved.flatMap((moves) => moves.map((move, index) => messageOf(move, index + 1)));
  const messages = await tx.affected(
    `
    WITH moved AS (
      UPDATE orders o
         SET status = n.to_status,
             rejection_reason = n.reason,
             placed_at = CASE n.to_status WHEN 'placed' THEN n.at ELSE o.placed_at END,
             ended_at = CASE n.to_status WHEN 'pending' THEN NULL ELSE n.at END,
             reservation_id = n.reservation_id,
             version = o.version + n.moves
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::int[])
               AS n (id, from_status, to_status, reason, at, reservation_id, moves)
       WHERE o.id = n.id AND o.status = n.from_status
      RETURNING o.id, o.version - n.moves AS version_before
    )
    ${insertNumberedMessages('moved', 7)}
    `,
    [
      last.map((move) => move.orderId),
      moved.map((moves) => moves[0]!.from),
      last.map((move) => move.to),
      last.map((move) => move.reason),
      last.map((move) => move.at),
      last.map((move) => move.reservationId),
      // guard: versions-of-moves
      moved.map((moves) => moves.length),
      ...numberedMessages(sent),
    ],
  );
  if (messages !== sent.length) throw new Error('Bug: an order was not in the state that its saga left.');
}

/** The `nth` message of an order's moves. */
const messageOf = (
  { orderId, reservationId, reason, message: type, at }: OrderMove,
  nth: number,
): NumberedMessage => ({
  orderId,
  nth,
  type,
  payload: { reservationId, reason: reason ?? undefined },
  at,
});
