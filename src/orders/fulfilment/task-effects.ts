import type { Tx } from '../../database/database';
import { publicId } from '../../ids';
import { lockReservation } from '../../inventory/reservations/reservations.repository';
import { endShipment, findShipment } from '../../inventory/shipments/shipments.repository';
import { shipLines } from '../../inventory/shipments/shipping';
import type { MessageType } from '../../outbox/outbox.repository';
import { moneyOf } from '../../payment/order-money';
import { requestChecks } from '../../payment/payment-checks.repository';
import { saveFacts } from '../../payment/payment-facts.repository';
import type { PaymentOperation } from '../../payment/payment-operations.repository';
import type { Checkout } from '../checkout-saga/checkout';
import type { PaymentTask } from './payment-tasks.repository';

/** What else changes in the commit that records how a task went. */
export interface TaskEffect {
  messages: { type: MessageType; payload: Record<string, unknown> }[];
  /** All that was captured is refunded, or the provider has accepted to. */
  endsOrder?: boolean;
}

interface Done {
  task: PaymentTask;
  operation: PaymentOperation;
  checkout: Checkout;
}

export function effectOf(tx: Tx, done: Done): Promise<TaskEffect> {
  if (done.task.status === 'stuck') return Promise.resolve({ messages: [] });
  return done.task.kind === 'refund' ? refundEffect(tx, done) : captureEffect(tx, done);
}

/** The goods leave in the commit that records the capture, or stay. */
async function captureEffect(tx: Tx, { task, operation, checkout }: Done): Promise<TaskEffect> {
  const { order, saga } = checkout;
  const isDeclined = operation.status === 'declined';
  if (isDeclined) await noteDeclined(tx, operation, checkout);
  const payload = {
    captureId: publicId('cap', task.id),
    reference: operation.providerReference,
    amount: { amount: operation.amount, currency: operation.currency },
  };
  const captured: TaskEffect['messages'] = isDeclined ? [] : [{ type: 'order.captured', payload }];
  if (!task.shipmentId) return { messages: captured };
  const shipment = (await findShipment(tx, task.shipmentId))!;
  if (isDeclined) {
    await endShipment(tx, shipment.id, { status: 'failed', lines: shipment.lines, endedAt: saga.now });
    return { messages: captured };
  }
  const reservation = (await lockReservation(tx, order.reservationId))!;
  const lines = await shipLines(tx, reservation, { id: shipment.id, actor: shipment.actor });
  await endShipment(tx, shipment.id, { status: 'shipped', lines, endedAt: saga.now });
  const about = { shipmentId: publicId('shp', shipment.id), lines, reference: shipment.reference };
  return { messages: [...captured, { type: 'order.shipped', payload: about }] };
}

/** A case for an operator, unless the authorization has ended: that is found, and made a case, by the check of the payment. */
async function noteDeclined(
  tx: Tx,
  operation: PaymentOperation,
  { payments, saga }: Checkout,
): Promise<void> {
  const { orderId, amount, currency, declineCode } = operation;
  if (declineCode === 'authorization_canceled') return requestChecks(tx, [orderId], saga.now);
  await saveFacts(tx, [
    {
      orderId,
      type: 'capture_declined',
      reference: publicId('pay', operation.id),
      amount,
      currency,
      status: 'declined',
      dueBy: null,
      data: { declineCode, payment: payments.authorization?.providerReference ?? null },
      at: saga.now,
      amountAtRisk: amount,
      isCase: true,
    },
  ]);
}

async function refundEffect(tx: Tx, { task, operation, checkout }: Done): Promise<TaskEffect> {
  const about = {
    refundId: publicId('rfd', task.id),
    reference: operation.providerReference,
    amount: { amount: operation.amount, currency: operation.currency },
  };
  if (operation.status === 'failed') {
    const { failureReason } = operation;
    await saveFacts(tx, [failedRefund(operation, checkout.saga.now)]);
    return { messages: [{ type: 'order.refund_failed', payload: { ...about, failureReason } }] };
  }
  // What was refunded in the provider's dashboard ends no order by itself.
  const { captured, promised } = moneyOf(accepted(checkout.payments.all), []);
  const isPending = operation.status === 'pending';
  return {
    messages: isPending ? [] : [{ type: 'order.refund_succeeded', payload: about }],
    endsOrder: checkout.saga.status === 'completed' && captured > 0 && promised >= captured,
  };
}

/** Without refunds that the provider has not accepted yet. */
const accepted = (operations: PaymentOperation[]) =>
  operations.filter(
    ({ kind, status }) =>
      kind !== 'refund' || (status !== 'created' && status !== 'sent' && status !== 'unknown'),
  );

/** As the check of payments records one that fails later. */
const failedRefund = (operation: PaymentOperation, now: Date) => ({
  orderId: operation.orderId,
  type: 'refund_failed' as const,
  reference: operation.providerReference!,
  amount: operation.amount,
  currency: operation.currency,
  status: 'failed',
  dueBy: null,
  data: { failureReason: operation.failureReason },
  at: now,
  amountAtRisk: operation.amount,
  isCase: true,
});
