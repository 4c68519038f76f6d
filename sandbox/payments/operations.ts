import { behaviourOf, type Handling, type Kind } from '../faults/behaviours';
import type { Ledger } from '../ledger/ledger';
import type { IntentRecord, MoneyRequest, Outcome } from '../ledger/records';
import { refuseBadMultiple } from '../stripe/currencies';
import { resourceMissing } from '../stripe/errors';
import { readAuthorization, readCapture, readConfirmation, readVoid } from './intent-params';
import { authorize, capture, unexpectedState, voidIntent } from './payment-intents';
import { readRefund, refund } from './refunds';

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
  '/payment_intents/:id/confirm',
  '/payment_intents/:id/capture',
  '/payment_intents/:id/cancel',
  '/refunds',
] as const;

/** Validates a request to one of the money routes. It reads only path and parameters, so it can be repeated later. */
export function operationOf(ledger: Ledger, request: MoneyRequest): Operation {
  const [, intentId, verb] = /^\/v1\/payment_intents\/([^/]+)\/(\w+)$/.exec(request.path) ?? [];
  if (intentId === undefined)
    return request.path === '/v1/refunds' ? refunding(ledger, request) : authorizing(request);
  if (verb === 'confirm') return confirming(ledger, intentId, request);
  return verb === 'capture' ? capturing(ledger, intentId, request) : voiding(ledger, intentId, request);
}

function authorizing({ params, key, fingerprint, account }: MoneyRequest): Operation {
  const authorization = readAuthorization(params);
  const { metadata, paymentMethod } = authorization;
  return {
    handling: handlingOf('authorize', paymentMethod),
    countedAs: `authorize ${metadata.orderId ?? key ?? fingerprint}`,
    operationId: metadata.operationId,
    execute: (at) => authorize({ ...authorization, ...(account !== undefined && { account }) }, at),
  };
}

function confirming(ledger: Ledger, intentId: string, { params, account }: MoneyRequest): Operation {
  const intent = intentAt(ledger, account, intentId, 'intent');
  const authorization = readConfirmation(params, intent);
  return {
    handling: handlingOf('authorize', authorization.paymentMethod),
    countedAs: `authorize ${intent.id}`,
    operationId: intent.metadata.operationId,
    execute: (at) => {
      const now = intentOf(ledger, intentId, 'intent');
      return now.status === 'requires_payment_method'
        ? authorize(authorization, at, now)
        : unexpectedState(now, 'confirmed', 'requires_payment_method');
    },
  };
}

function capturing(ledger: Ledger, intentId: string, { params, account }: MoneyRequest): Operation {
  const requested = readCapture(params);
  const { id, paymentMethod, metadata, currency } = intentAt(ledger, account, intentId, 'intent');
  refuseBadMultiple(requested.amount, currency, 'amount_to_capture');
  return {
    handling: handlingOf('capture', paymentMethod),
    countedAs: `capture ${id}`,
    operationId: requested.metadata.operationId ?? metadata.operationId,
    // Read again at execution: before a slow or late capture the intent may have been voided.
    execute: (at) => capture(intentOf(ledger, id, 'intent'), requested, at),
  };
}

function voiding(ledger: Ledger, intentId: string, { params, account }: MoneyRequest): Operation {
  const reason = readVoid(params);
  const { id, paymentMethod, metadata } = intentAt(ledger, account, intentId, 'intent');
  return {
    handling: handlingOf('void', paymentMethod),
    countedAs: `void ${id}`,
    operationId: metadata.operationId,
    execute: (at) => voidIntent(intentOf(ledger, id, 'intent'), reason, at),
  };
}

function refunding(ledger: Ledger, { params, account }: MoneyRequest): Operation {
  const requested = readRefund(params);
  const intent = intentAt(ledger, account, requested.paymentIntent, 'payment_intent');
  const { id, paymentMethod, metadata } = intent;
  refuseBadMultiple(requested.amount, intent.currency, 'amount');
  return {
    handling: handlingOf('refund', paymentMethod),
    countedAs: `refund ${id}`,
    operationId: requested.metadata.operationId ?? metadata.operationId,
    execute: (at) => refund(intentOf(ledger, id, 'payment_intent'), requested, at),
  };
}

function handlingOf(kind: Kind, paymentMethod: string): Handling {
  const behaviour = behaviourOf(paymentMethod);
  return behaviour?.handles.includes(kind) ? behaviour.handling : { kind: 'plain' };
}

/** An object of one account is not found from another. */
function intentAt(ledger: Ledger, account: string | undefined, id: string, param: string): IntentRecord {
  const intent = intentOf(ledger, id, param);
  if (intent.account !== account) throw resourceMissing('payment_intent', id, param);
  return intent;
}

/** Of any account. */
export function intentOf(ledger: Ledger, id: string, param: string): IntentRecord {
  const intent = ledger.intents.get(id);
  if (!intent) throw resourceMissing('payment_intent', id, param);
  return intent;
}
