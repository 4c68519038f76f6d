import type { Database, Queryable } from '../../database/database';
import { ProviderEventEntity } from '../../payment/webhooks/provider-event.entity';
import { type PaymentOperation, operationsOf } from '../../payment/payment-operations.repository';
import {
  isLeased,
  type ReadSaga,
  readSaga,
  type TimelineRow,
  transitionsOf,
} from '../../orders/checkout-saga/saga.repository';
import { type PaymentTask, tasksOf } from '../../orders/fulfilment/payment-tasks.repository';
import { type Order, findOrder } from '../../orders/shown-orders.repository';
import type { ReservationStatus } from '../../inventory/reservations/reservation';
import type { WaitsFor } from './saga.responses';
import { type SoldUnits, soldUnitsOf } from './sold-goods';

/** All that is recorded about one order's saga. */
export interface SagaFacts {
  order: Order;
  saga: ReadSaga;
  transitions: TimelineRow[];
  /** Of the present payment attempt. */
  operations: PaymentOperation[];
  /** Of cards that were tried before; all of them have ended without money. */
  earlier: PaymentOperation[];
  tasks: PaymentTask[];
  reservation: HeldReservation;
  goods: SoldUnits[];
  webhooks: ReceivedWebhook[];
  clientKey: string | null;
}

export interface HeldReservation {
  id: string;
  status: ReservationStatus;
  createdAt: Date;
  expiresAt: Date;
  endedAt: Date | null;
  returnedAt: Date | null;
  endReason: string | null;
  units: number;
  fencingToken: number;
}

interface ReceivedWebhook {
  id: string;
  type: string;
  verdict: string | null;
  receivedAt: Date;
  processedAt: Date | null;
}

/** Undefined: there is no such order. The parts are read side by side, so they may differ by a moment. */
export async function findSagaFacts(db: Database, orderId: string): Promise<SagaFacts | undefined> {
  const [order, saga] = await Promise.all([findOrder(db, orderId), readSaga(db, orderId)]);
  if (!order || !saga) return undefined;
  const [transitions, operations, tasks, reservation, goods, webhooks, clientKey] = await Promise.all([
    transitionsOf(db, orderId),
    operationsOf(db, orderId),
    tasksOf(db, orderId),
    reservationOf(db, order.reservationId),
    soldUnitsOf(db, order.reservationId),
    webhooksOf(db, orderId),
    clientKeyOf(db, order),
  ]);
  const isPresent = ({ paymentAttempt }: PaymentOperation) => paymentAttempt === order.paymentAttempt;
  return {
    order,
    saga,
    transitions,
    operations: operations.filter(isPresent),
    earlier: operations.filter((operation) => !isPresent(operation)),
    tasks,
    reservation,
    goods,
    webhooks,
    clientKey,
  };
}

/** What an unfinished saga waits for: the worker that drives it, its next run, or an operator. Null: it has ended. */
export function waitsFor(saga: ReadSaga): WaitsFor {
  if (saga.status === 'completed' || saga.status === 'compensated') return null;
  if (isLeased(saga)) return 'worker';
  return saga.nextRunAt === null ? 'operator' : 'next_run';
}

/** The worker that drives it at this moment. */
export const driverOf = (saga: ReadSaga): string | null => (isLeased(saga) ? saga.leaseOwner : null);

async function reservationOf(queryable: Queryable, id: string): Promise<HeldReservation> {
  const [reservation] = await queryable.rows<HeldReservation>(
    `
    SELECT r.id, r.status, r.created_at AS "createdAt", r.expires_at AS "expiresAt", r.ended_at AS "endedAt",
           r.returned_at AS "returnedAt", r.end_reason AS "endReason", sum(l.quantity)::bigint AS units,
           max(l.fencing_token) AS "fencingToken"
      FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id
     WHERE r.id = $1::uuid
     GROUP BY r.id
    `,
    [id],
  );
  return reservation!;
}

const webhooksOf = (db: Database, orderId: string): Promise<ReceivedWebhook[]> =>
  db.entities((manager) =>
    manager.find(ProviderEventEntity, {
      // The body is large, and nobody sees it.
      select: { id: true, type: true, verdict: true, receivedAt: true, processedAt: true },
      where: { orderId },
      order: { receivedAt: 'ASC', id: 'ASC' },
    }),
  );

/** The key that the shop sent with the order. Claimed in the same transaction, so about as old as the order. */
async function clientKeyOf(
  queryable: Queryable,
  { id, principal, createdAt }: Order,
): Promise<string | null> {
  const [claim] = await queryable.rows<{ key: string }>(
    `
    SELECT key
      FROM idempotency_keys
     WHERE created_at BETWEEN $3::timestamptz - interval '1 minute' AND $3::timestamptz + interval '1 minute'
       AND principal = $2::text AND operation = 'orders' AND resource_id = $1::uuid
    `,
    [id, principal, createdAt],
  );
  return claim?.key ?? null;
}

/** The units that cannot be sold until the saga ends. */
export const unitsHeld = ({ status, units, returnedAt }: HeldReservation): number =>
  status === 'active' || status === 'pinned' || (status === 'confirmed' && !returnedAt) ? units : 0;
