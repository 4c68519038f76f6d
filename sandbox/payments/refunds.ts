import type { IntentRecord, Outcome } from '../ledger/ledger';
import {
  metadataOf,
  oneOf,
  optionalAmount,
  optionalString,
  refuseUnknown,
  requiredString,
  type Params,
} from '../stripe/params';
import { newId, refusal } from './payment-intents';

export interface Refund {
  paymentIntent: string;
  amount: number | undefined;
  reason: string | null;
  metadata: Record<string, string>;
}

export function readRefund(params: Params): Refund {
  refuseUnknown(params, ['payment_intent', 'amount', 'reason', 'metadata', 'expand']);
  const hasReason = optionalString(params, 'reason') !== undefined;
  return {
    paymentIntent: requiredString(params, 'payment_intent'),
    amount: optionalAmount(params, 'amount'),
    reason: hasReason
      ? oneOf(params, 'reason', ['duplicate', 'fraudulent', 'requested_by_customer'], 'duplicate')
      : null,
    metadata: metadataOf(params),
  };
}

/**
 * Refunds captured money, all that is left or a part. Never more than was captured, however many refunds arrive: the sum
 * is checked against the intent at the moment of execution.
 */
export function refund(intent: IntentRecord, params: Refund, at: number): Outcome {
  const left = intent.received - intent.refunded;
  if (intent.received === 0) {
    return refusal(
      intent,
      undefined,
      `This PaymentIntent (${intent.id}) does not have a successful charge to refund.`,
    );
  }
  if (left === 0)
    return refusal(intent, 'charge_already_refunded', `Charge ${intent.chargeId} has already been refunded.`);
  const amount = params.amount ?? left;
  if (amount > left)
    return refusal(
      intent,
      undefined,
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left}).`,
    );

  return {
    movements: [{ kind: 'refund', amount }],
    intent: { ...intent, refunded: intent.refunded + amount },
    refund: {
      id: newId('re'),
      paymentIntent: intent.id,
      chargeId: intent.chargeId,
      createdAt: at,
      amount,
      currency: intent.currency,
      reason: params.reason,
      metadata: params.metadata,
    },
    status: 200,
    eventType: 'charge.refunded',
  };
}
