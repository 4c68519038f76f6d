import { randomUUID } from 'node:crypto';
import { behaviourOf, type Behaviour } from '../faults/behaviours';
import type {
  Change,
  Due,
  EventType,
  IntentRecord,
  Movement,
  Outcome,
  RefundRecord,
} from '../ledger/records';
import { cardDeclined, type StripeErrorBody } from '../stripe/errors';
import type { Authorization, Capture } from './intent-params';

/** Like Stripe's ids: a prefix and an opaque rest. */
export const newId = (prefix: string): string => `${prefix}_${randomUUID().replaceAll('-', '')}`;

export const due = (dueAt: number, change: Change): Due => ({ id: newId('due'), dueAt, change });

/** Stripe's usual validity of an online card authorization. */
const authorizationMs = 7 * 86_400_000;

const plainly: Partial<Behaviour> = {};
const behaviourFor = ({ paymentMethod }: IntentRecord): Partial<Behaviour> =>
  behaviourOf(paymentMethod) ?? plainly;

/**
 * States of an intent, and what ends them:
 *
 * - `requires_action`: the buyer authenticates (on to `processing` or `requires_capture`), fails to
 *   (`requires_payment_method`), or the client cancels.
 * - `processing`: ends by itself, in `requires_capture`.
 * - `requires_capture` (authorized): captured (`succeeded`; refunds do not change it), voided or expired (`canceled`).
 * - `requires_payment_method` (declined): another card is confirmed, or the client cancels.
 *
 * With `capture_method=automatic`, authorization and capture succeed or are declined together. `earlier` is the intent
 * that is confirmed with another card.
 */
export function authorize(params: Authorization, at: number, earlier?: IntentRecord): Outcome {
  const { behaviour, metadata, description } = params;
  const id = earlier?.id ?? newId('pi');
  const account = earlier?.account ?? params.account;
  const intent: IntentRecord = {
    id,
    ...(account !== undefined && { account }),
    chargeId: null,
    orderId: earlier?.orderId ?? metadata.orderId ?? id,
    createdAt: earlier?.createdAt ?? at,
    amount: params.amount + (behaviour.overcharge ?? 0),
    currency: params.currency,
    captureMethod: params.captureMethod,
    paymentMethod: params.paymentMethod,
    status: 'requires_action',
    capturable: 0,
    received: 0,
    refunded: 0,
    metadata,
    ...(description !== undefined && { description }),
    ...(Object.keys(params.options).length > 0 && { options: params.options }),
  };
  if (!behaviour.requiresAction) return askBank(intent, at);
  if (params.isUnattended) return declined(intent, cardDeclined('authentication_required'));
  return { movements: [], intent, status: 200, events: ['payment_intent.requires_action'] };
}

/** Asks the bank for the money, once the buyer has nothing more to do. */
export function askBank(asked: IntentRecord, at: number): Outcome {
  const behaviour = behaviourFor(asked);
  const intent: IntentRecord = { ...asked, chargeId: newId('ch') };
  const declinesCapture = behaviour.declinesCapture && intent.captureMethod === 'automatic';
  const decline = behaviour.declinesAuthorization ?? (declinesCapture ? 'generic_decline' : undefined);
  if (decline) return declined(intent, cardDeclined(decline));
  if (behaviour.processingMs === undefined) return authorized(intent, at);
  return {
    movements: [],
    intent: { ...intent, status: 'processing' },
    status: 200,
    events: ['payment_intent.processing'],
    follows: [due(at + behaviour.processingMs, { kind: 'processing-ends', intentId: intent.id })],
  };
}

/** The bank agrees, to the whole amount or to half of it. */
export function authorized(intent: IntentRecord, at: number): Outcome {
  const behaviour = behaviourFor(intent);
  const amount = behaviour.isPartial ? Math.ceil(intent.amount / 2) : intent.amount;
  const validMs = behaviour.authorizationMs ?? authorizationMs;
  const agreed: IntentRecord = {
    ...intent,
    ...(amount !== intent.amount && { authorized: amount }),
    captureBefore: at + validMs,
  };
  const movement: Movement = { kind: 'authorize', amount };
  if (intent.captureMethod === 'automatic') {
    const captured = capture({ ...agreed, status: 'requires_capture', capturable: amount }, none, at);
    return { ...captured, movements: [movement, ...captured.movements] };
  }
  return {
    movements: [movement],
    intent: { ...agreed, status: 'requires_capture', capturable: amount },
    status: 200,
    events: ['payment_intent.amount_capturable_updated'],
    ...(behaviour.authorizationMs !== undefined && {
      follows: [due(at + validMs, { kind: 'authorization-expires', intentId: intent.id })],
    }),
  };
}

const none: Capture = { amount: undefined, metadata: {} };

export function declined(intent: IntentRecord, error: StripeErrorBody): Outcome {
  return {
    movements: [{ kind: 'decline', amount: intent.amount }],
    intent: { ...intent, status: 'requires_payment_method', lastError: error },
    status: 402,
    error,
    events: ['payment_intent.payment_failed'],
  };
}

/** Captures all or a part; the rest of the authorization is released, as Stripe does with cards. */
export function capture(intent: IntentRecord, params: Capture, at: number): Outcome {
  if (intent.status !== 'requires_capture') return unexpectedState(intent, 'captured', 'requires_capture');
  const amount = params.amount ?? intent.capturable;
  if (amount > intent.capturable) {
    return refusal(
      intent,
      'amount_too_large',
      `The amount to capture (${amount}) is more than the amount that can be captured (${intent.capturable}).`,
    );
  }
  const { declinesCapture, disputedAfterMs } = behaviourFor(intent);
  if (declinesCapture) {
    const error = cardDeclined('generic_decline');
    return {
      movements: [{ kind: 'decline', amount }],
      intent: { ...intent, lastError: error },
      status: 402,
      error,
      events: ['payment_intent.payment_failed'],
    };
  }

  const released = release(intent, intent.capturable - amount, null, at);
  return {
    movements: [{ kind: 'capture', amount }, ...released.movements],
    intent: {
      ...intent,
      status: 'succeeded',
      capturable: 0,
      received: amount,
      metadata: { ...intent.metadata, ...params.metadata },
    },
    ...(released.refund && { refund: released.refund }),
    status: 200,
    events: [...released.events, 'payment_intent.succeeded'],
    ...(disputedAfterMs !== undefined && {
      follows: [due(at + disputedAfterMs, { kind: 'dispute-opens', intentId: intent.id })],
    }),
  };
}

/** Statuses that can be canceled. Stripe also lists `processing`, "in rare cases"; here it never can (?). */
const voidable = ['requires_payment_method', 'requires_action', 'requires_capture'];

/** Voids an authorization that was not captured. An intent without one has nothing to void, but can be canceled. */
export function voidIntent(intent: IntentRecord, reason: string | null, at: number): Outcome {
  if (!voidable.includes(intent.status)) return unexpectedState(intent, 'canceled', voidable.join(', '));
  return canceled(intent, reason, at);
}

/** The uncaptured authorization ends by itself, because nobody captured it in time. */
export function expire(intent: IntentRecord, at: number): Outcome {
  const outcome = canceled(intent, 'automatic', at);
  return { ...outcome, events: ['charge.expired', ...outcome.events] };
}

function canceled(intent: IntentRecord, reason: string | null, at: number): Outcome {
  const why = reason === 'automatic' ? 'expired_uncaptured_charge' : null;
  const released = release(intent, intent.capturable, why, at);
  return {
    ...released,
    intent: { ...intent, status: 'canceled', capturable: 0, cancellation: { at, reason } },
    status: 200,
    events: [...released.events, 'payment_intent.canceled'],
  };
}

/**
 * Money that was set aside and not taken. Stripe shows it as refunded: the charge's `amount_refunded` rises, a refund
 * without metadata appears, and `charge.refunded` is sent, although nothing was ever captured.
 */
function release(intent: IntentRecord, amount: number, reason: string | null, at: number) {
  if (amount === 0 || intent.chargeId === null) return { movements: [], events: [] };
  const refund: RefundRecord = {
    id: newId('re'),
    paymentIntent: intent.id,
    chargeId: intent.chargeId,
    createdAt: at,
    amount,
    currency: intent.currency,
    reason,
    metadata: {},
    status: 'succeeded',
  };
  const movements: Movement[] = [{ kind: 'void', amount }];
  const events: EventType[] = ['charge.refunded'];
  return { movements, refund, events };
}

/** A refusal for the state of the intent. Execution has begun, so it is saved under the key like any response. */
export function refusal(intent: IntentRecord, code: string | undefined, message: string): Outcome {
  const error = { type: 'invalid_request_error' as const, ...(code !== undefined && { code }), message };
  return { movements: [], intent, status: 400, error, events: [] };
}

export function unexpectedState(intent: IntentRecord, wanted: string, allowed: string): Outcome {
  return refusal(
    intent,
    'payment_intent_unexpected_state',
    `This PaymentIntent could not be ${wanted} because it has a status of ${intent.status}. ` +
      `Only a PaymentIntent with one of the following statuses may be ${wanted}: ${allowed}.`,
  );
}
