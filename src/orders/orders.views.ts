import { publicId } from '../ids';
import { money, secondsUntil } from '../inventory/inventory.views';
import { type PaymentOperation, paymentStatusOf } from '../payment/payment-operations';
import type { TimelineRow } from './checkout-saga/saga.repository';
import type { Order } from './orders.repository';

export function orderView(order: Order) {
  const authorization = order.operations.find(
    ({ kind, providerReference }) => kind === 'authorize' && providerReference,
  );
  return {
    id: publicId('ord', order.id),
    object: 'order' as const,
    status: order.status,
    rejectionReason: order.rejectionReason,
    customerId: order.customerId,
    reservationId: publicId('rsv', order.reservationId),
    lines: order.lines.map((line) => ({
      sku: line.sku,
      quantity: line.quantity,
      unitPrice: money(line.unitAmount, order.currency),
    })),
    total: money(order.totalAmount, order.currency),
    payment: {
      status: paymentStatusOf(order.operations),
      reference: authorization?.providerReference ?? null,
    },
    saga: { status: order.saga.status, step: order.saga.step },
    createdAt: order.createdAt.toISOString(),
    placedAt: order.placedAt?.toISOString() ?? null,
    endedAt: order.endedAt?.toISOString() ?? null,
    expiresAt: order.expiresAt.toISOString(),
    expiresInSeconds: order.status === 'pending' ? secondsUntil(order.expiresAt, order.now) : 0,
    metadata: order.metadata,
  };
}

export type OrderView = ReturnType<typeof orderView>;

/** One saga's story in rows: every transition, and every operation at the provider with its attempts. */
export function sagaView(order: Order, transitions: TimelineRow[], operations: PaymentOperation[]) {
  return {
    object: 'saga' as const,
    orderId: publicId('ord', order.id),
    status: order.saga.status,
    step: order.saga.step,
    transitions: transitions.map((row, index) => ({
      version: row.version,
      at: row.at.toISOString(),
      sincePreviousMs: index === 0 ? 0 : row.at.getTime() - transitions[index - 1]!.at.getTime(),
      step: row.step,
      attempt: row.attempt,
      from: row.fromStatus,
      to: row.toStatus,
      cause: row.cause,
      detail: row.detail,
      fencingToken: row.fencingToken,
      worker: row.worker,
    })),
    operations: operations.map((operation) => ({
      id: publicId('pay', operation.id),
      kind: operation.kind,
      status: operation.status,
      attempts: operation.attempt,
      amount: money(operation.amount, operation.currency),
      providerReference: operation.providerReference,
      declineCode: operation.declineCode,
      detail: operation.detail,
      createdAt: operation.createdAt.toISOString(),
      sentAt: operation.sentAt?.toISOString() ?? null,
      settledAt: operation.settledAt?.toISOString() ?? null,
    })),
  };
}
