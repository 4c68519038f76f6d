import { behaviourOf, type Handling } from '../faults/behaviours';
import { readAuthorization, readCapture, readVoid } from './intent-params';
import type { IntentRecord, Ledger, MoneyRequest, Outcome } from '../ledger/ledger';
import { authorize, capture, voidIntent } from './payment-intents';
import { readRefund, refund } from './refunds';
import { resourceMissing } from '../stripe/errors';

/** A request that may move money, after validation. */
export interface Operation {
  handling: Handling;
  /** The counter for a handling that treats the first requests differently. */
  countedAs: string;
  /** The client's id of the operation, for audits. */
  operationId: string | undefined;
  execute(at: number): Outcome;
}

/** The routes that move money. */
export const moneyRoutes = [
  '/payment_intents',
  '/payment_intents/:id/capture',
  '/payment_intents/:id/cancel',
  '/refunds',
] as const;

/** Validates a request to one of the money routes. It reads only path and parameters, so it can be repeated later. */
export function operationOf(ledger: Ledger, request: MoneyRequest): Operation {
  const [, intentId, verb] = /^\/v1\/payment_intents\/([^/]+)\/(\w+)$/.exec(request.path) ?? [];
  if (intentId === undefined)
    return request.path === '/v1/refunds' ? refunding(ledger, request) : authorizing(request);
  return verb === 'capture' ? capturing(ledger, intentId, request) : voiding(ledger, intentId, request);
}

function authorizing({ params, key, fingerprint }: MoneyRequest): Operation {
  const authorization = readAuthorization(params);
  const { metadata, behaviour } = authorization;
  return {
    handling: behaviour.handling,
    countedAs: `authorize ${metadata.orderId ?? key ?? fingerprint}`,
    operationId: metadata.operationId,
    execute: (at) => authorize(authorization, at),
  };
}

function capturing(ledger: Ledger, intentId: string, { params }: MoneyRequest): Operation {
  const requested = readCapture(params);
  const { id, paymentMethod, metadata } = intentOf(ledger, intentId, 'intent');
  return {
    handling: behaviourOf(paymentMethod)?.handling ?? { kind: 'plain' },
    countedAs: `capture ${id}`,
    operationId: requested.metadata.operationId ?? metadata.operationId,
    // Read again at execution: before a slow or late capture the intent may have been voided.
    execute: () => capture(intentOf(ledger, id, 'intent'), requested),
  };
}

function voiding(ledger: Ledger, intentId: string, { params }: MoneyRequest): Operation {
  const reason = readVoid(params);
  const intent = intentOf(ledger, intentId, 'intent');
  return plain(intent.metadata.operationId, (at) => voidIntent(intent, reason, at));
}

function refunding(ledger: Ledger, { params }: MoneyRequest): Operation {
  const requested = readRefund(params);
  const intent = intentOf(ledger, requested.paymentIntent, 'payment_intent');
  return plain(requested.metadata.operationId ?? intent.metadata.operationId, (at) =>
    refund(intent, requested, at),
  );
}

/** Void and refund ignore the payment method's behaviour, so that money can always be given back. */
function plain(operationId: string | undefined, execute: Operation['execute']): Operation {
  return { handling: { kind: 'plain' }, countedAs: '', operationId, execute };
}

function intentOf(ledger: Ledger, id: string, param: string): IntentRecord {
  const intent = ledger.intents.get(id);
  if (!intent) throw resourceMissing('payment_intent', id, param);
  return intent;
}
