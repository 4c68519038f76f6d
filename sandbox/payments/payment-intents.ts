import { randomUUID } from 'node:crypto';
import { behaviourOf } from '../faults/behaviours';
import type { Authorization, Capture } from './intent-params';
import type { IntentRecord, Movement, Outcome } from '../ledger/ledger';
import { cardDeclined } from '../stripe/errors';

/** Like Stripe's ids: a prefix and an opaque rest. */
export const newId = (prefix: string): string => `${prefix}_${randomUUID().replaceAll('-', '')}`;

/**
 * States of an intent: `requires_capture` (authorized) becomes `succeeded` (captured; refunds do not change it) or
 * `canceled` (voided). A declined intent is `requires_payment_method` and can only be canceled. With
 * `capture_method=automatic`, authorization and capture succeed or are declined together.
 */
export function authorize(params: Authorization, at: number): Outcome {
  const { behaviour, metadata, currency, paymentMethod, captureMethod, description } = params;
  const id = newId('pi');
  const amount = params.amount + (behaviour.overcharge ?? 0);
  const isAutomatic = captureMethod === 'automatic';
  const base: Omit<IntentRecord, 'status'> = {
    id,
    chargeId: newId('ch'),
    orderId: metadata.orderId ?? id,
    createdAt: at,
    amount,
    currency,
    captureMethod,
    paymentMethod,
    capturable: 0,
    received: 0,
    refunded: 0,
    metadata,
    ...(description !== undefined && { description }),
  };

  const decline =
    behaviour.declinesAuthorization ??
    (isAutomatic && behaviour.declinesCapture ? 'generic_decline' : undefined);
  if (decline) {
    const error = cardDeclined(decline);
    const intent: IntentRecord = { ...base, status: 'requires_payment_method', lastError: error };
    return {
      movements: [{ kind: 'decline', amount }],
      intent,
      status: 402,
      error,
      eventType: 'payment_intent.payment_failed',
    };
  }
  if (isAutomatic) {
    return {
      movements: [
        { kind: 'authorize', amount },
        { kind: 'capture', amount },
      ],
      intent: { ...base, status: 'succeeded', received: amount },
      status: 200,
      eventType: 'payment_intent.succeeded',
    };
  }
  return {
    movements: [{ kind: 'authorize', amount }],
    intent: { ...base, status: 'requires_capture', capturable: amount },
    status: 200,
    eventType: 'payment_intent.amount_capturable_updated',
  };
}

/** Captures all or a part; the rest of the authorization is voided, as Stripe does with cards. */
export function capture(intent: IntentRecord, params: Capture): Outcome {
  if (intent.status !== 'requires_capture') return unexpectedState(intent, 'captured', 'requires_capture');
  const amount = params.amount ?? intent.capturable;
  if (amount > intent.capturable) {
    return refusal(
      intent,
      'amount_too_large',
      `The amount to capture (${amount}) is more than the amount that can be captured (${intent.capturable}).`,
    );
  }
  if (behaviourOf(intent.paymentMethod)?.declinesCapture) {
    const error = cardDeclined('generic_decline');
    return {
      movements: [{ kind: 'decline', amount }],
      intent: { ...intent, lastError: error },
      status: 402,
      error,
      eventType: 'payment_intent.payment_failed',
    };
  }

  const rest = intent.capturable - amount;
  const movements: Movement[] = [{ kind: 'capture', amount }];
  if (rest > 0) movements.push({ kind: 'void', amount: rest });
  const captured: IntentRecord = {
    ...intent,
    status: 'succeeded',
    capturable: 0,
    received: amount,
    metadata: { ...intent.metadata, ...params.metadata },
  };
  return { movements, intent: captured, status: 200, eventType: 'payment_intent.succeeded' };
}

/** Voids an authorization that was not captured. A declined intent has nothing to void, but can be canceled. */
export function voidIntent(intent: IntentRecord, reason: string | null, at: number): Outcome {
  if (intent.status !== 'requires_capture' && intent.status !== 'requires_payment_method') {
    return unexpectedState(intent, 'canceled', 'requires_payment_method, requires_capture');
  }

  const rest = intent.capturable;
  return {
    movements: rest > 0 ? [{ kind: 'void', amount: rest }] : [],
    intent: { ...intent, status: 'canceled', capturable: 0, cancellation: { at, reason } },
    status: 200,
    eventType: 'payment_intent.canceled',
  };
}

/** A refusal for the state of the intent. Execution has begun, so it is saved under the key like any response. */
export function refusal(intent: IntentRecord, code: string | undefined, message: string): Outcome {
  const error = { type: 'invalid_request_error' as const, ...(code !== undefined && { code }), message };
  return { movements: [], intent, status: 400, error };
}

function unexpectedState(intent: IntentRecord, wanted: string, allowed: string): Outcome {
  return refusal(
    intent,
    'payment_intent_unexpected_state',
    `This PaymentIntent could not be ${wanted} because it has a status of ${intent.status}. ` +
      `Only a PaymentIntent with one of the following statuses may be ${wanted}: ${allowed}.`,
  );
}
