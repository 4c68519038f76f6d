import type { Tx } from '../../database/database';
import { publicId } from '../../ids';
import type { MessageType } from '../../outbox/outbox.repository';
import { moneyOf } from '../../payment/order-money';
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
  return refundEffect(tx, done);
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
