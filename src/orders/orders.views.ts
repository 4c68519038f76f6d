import { publicId } from '../ids';
import { money, secondsUntil } from '../http/responses';
import { paymentStatusOf } from '../payment/payment-operations';
import type { Order } from './orders.repository';

export function orderView(order: Order) {
  const authorization = order.operations.find(
    ({ kind, providerReference }) => kind === 'authorize' && providerReference,
  );
  const declined = order.operations.find(
    ({ kind, status }) => status === 'declined' && (kind === 'authorize' || kind === 'capture'),
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
      declineCode: declined?.declineCode ?? null,
    },
    saga: { status: order.saga.status, step: order.saga.step },
    createdAt: order.createdAt.toISOString(),
    placedAt: order.placedAt?.toISOString() ?? null,
    endedAt: order.endedAt?.toISOString() ?? null,
    expiresAt: order.expiresAt.toISOString(),
    expiresInSeconds: secondsUntil(order.expiresAt, order.now),
    metadata: order.metadata,
  };
}

export type OrderView = ReturnType<typeof orderView>;
