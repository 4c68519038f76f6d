import { behaviourOf } from '../faults/behaviours';
import type { IntentRecord, Outcome, RefundRecord } from '../ledger/records';
import {
  metadataOf,
  oneOf,
  optionalAmount,
  optionalString,
  refuseUnknown,
  requiredString,
  type Params,
} from '../stripe/params';
import { due, newId, refusal } from './payment-intents';

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
export function refund(
  intent: IntentRecord,
  params: Refund,
  at: number,
  { byOperator }: { byOperator?: true } = {},
): Outcome {
  const { chargeId } = intent;
  const left = intent.received - intent.refunded;
  if (intent.received === 0 || chargeId === null) {
    return refusal(
      intent,
      undefined,
      `This PaymentIntent (${intent.id}) does not have a successful charge to refund.`,
    );
  }
  if (intent.dispute === 'open' || intent.dispute === 'lost')
    return refusal(
      intent,
      'charge_disputed',
      `Charge ${chargeId} has been charged back; cannot issue a refund.`,
    );
  if (left === 0)
    return refusal(intent, 'charge_already_refunded', `Charge ${chargeId} has already been refunded.`);
  const amount = params.amount ?? left;
  if (amount > left)
    return refusal(
      intent,
      undefined,
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left}).`,
    );

  const later = intent.refundsMade ? undefined : behaviourOf(intent.paymentMethod)?.firstRefund;
  const id = newId('re');
  const change = {
    kind: later?.becomes === 'failed' ? ('refund-fails' as const) : ('refund-succeeds' as const),
    refundId: id,
  };
  return {
    movements: [{ kind: 'refund', amount, ...(byOperator && { byOperator }) }],
    intent: {
      ...intent,
      refunded: intent.refunded + amount,
      refundsMade: (intent.refundsMade ?? 0) + 1,
    },
    refund: {
      id,
      paymentIntent: intent.id,
      chargeId,
      createdAt: at,
      amount,
      currency: intent.currency,
      reason: params.reason,
      metadata: params.metadata,
      // The worst that Stripe does: it says succeeded, and takes it back later.
      status: later?.becomes === 'succeeded' ? 'pending' : 'succeeded',
      ...(byOperator && { byOperator }),
    },
    status: 200,
    events: ['refund.created', 'charge.refunded'],
    ...(later && { follows: [due(at + later.afterMs, change)] }),
  };
}

export function refundSucceeds(intent: IntentRecord, pending: RefundRecord): Outcome {
  return {
    movements: [],
    intent,
    refund: { ...pending, status: 'succeeded' },
    status: 200,
    events: ['refund.updated'],
  };
}

/** The buyer's bank refuses the money, and it is back on the shop's balance. */
export function refundFails(intent: IntentRecord, made: RefundRecord): Outcome {
  const { amount, byOperator } = made;
  return {
    movements: [{ kind: 'refund_failed', amount, ...(byOperator && { byOperator }) }],
    intent: { ...intent, refunded: intent.refunded - amount },
    refund: { ...made, status: 'failed', failureReason: 'expired_or_canceled_card' },
    status: 200,
    events: ['refund.updated', 'refund.failed'],
  };
}
