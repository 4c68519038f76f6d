import type { Tx } from '../database/database';
import { appendMessages } from '../outbox/outbox.repository';
import type { PaymentOptions } from '../payment/payment-options';

/** The order is paid with another card, and a worker must take it up. The caller has locked the order's saga. */
export async function beginPaymentAttempt(
  tx: Tx,
  { orderId, paymentAttempt, paymentMethod, payment }: PaymentAttempt,
): Promise<void> {
  const [row] = await tx.rows<{ version: number; principal: string }>(
    `
    UPDATE orders
       SET payment_attempt = $2::int, payment_method = $3::text, payment = $4::jsonb, version = version + 1
     WHERE id = $1::uuid AND status = 'pending' AND payment_attempt = $2::int - 1
    RETURNING version, principal
    `,
    [orderId, paymentAttempt, paymentMethod, payment && JSON.stringify(payment)],
  );
  if (!row) throw new Error(`Bug: order ${orderId} was paid again while it changed.`);
  await appendMessages(tx, [
    {
      aggregateType: 'order',
      aggregateId: orderId,
      principal: row.principal,
      sequence: row.version,
      type: 'order.payment_requested',
      payload: { paymentAttempt },
    },
  ]);
}

export interface PaymentAttempt {
  orderId: string;
  /** From 1. */
  paymentAttempt: number;
  paymentMethod: string;
  payment: PaymentOptions | null;
}
