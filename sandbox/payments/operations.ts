import { behaviourOf, type Manner } from '../faults/behaviours';
import { readAuthorization, readCapture, readVoid } from './intent-params';
import type { IntentRecord, Ledger, MoneyRequest, Outcome } from '../ledger/ledger';
import { authorize, capture, voidIntent } from './payment-intents';
import { readRefund, refund } from './refunds';
import { resourceMissing } from '../stripe/errors';

/** A request that may move money, after validation. */
export interface Operation {
  manner: Manner;
  /** Whose requests are counted by a manner that treats the first ones differently. */
  countedAs: string;
  /** The caller's own name for the operation, for audits. */
  operationId: string | undefined;
  execute(at: number): Outcome;
}

/** The paths that move money, as routes. */
export const moneyRoutes = [
  '/payment_intents',
  '/payment_intents/:id/capture',
  '/payment_intents/:id/cancel',
  '/refunds',
] as const;

/** Validates a request to one of the money routes. Of path and parameters only, so that it can be done again later. */
export function operationOf(ledger: Ledger, request: MoneyRequest): Operation {
  const [, intentId, verb] = /^\/v1\/payment_intents\/([^/]+)\/(\w+)$/.exec(request.path) ?? [];
  if (intentId === undefined)
    return request.path === '/v1/refunds' ? refunding(ledger, request) : authorizing(request);
  return verb === 'capture' ? capturing(ledger, intentId, request) : voiding(ledger, intentId, request);
}

function authorizing({ params, key, fingerprint }: MoneyRequest): Operation {
  const asked = readAuthorization(params);
  const { metadata, behaviour } = asked;
  return {
    manner: behaviour.manner,
    countedAs: `authorize ${metadata.orderId ?? key ?? fingerprint}`,
    operationId: metadata.operationId,
    execute: (at) => authorize(asked, at),
  };
}

function capturing(ledger: Ledger, intentId: string, { params }: MoneyRequest): Operation {
  const asked = readCapture(params);
  const { id, paymentMethod, metadata } = intentOf(ledger, intentId, 'intent');
  return {
    manner: behaviourOf(paymentMethod)?.manner ?? { kind: 'plain' },
    countedAs: `capture ${id}`,
    operationId: asked.metadata.operationId ?? metadata.operationId,
    // Read again at execution: with a slow or late capture the intent may have been voided meanwhile.
    execute: () => capture(intentOf(ledger, id, 'intent'), asked),
  };
}

function voiding(ledger: Ledger, intentId: string, { params }: MoneyRequest): Operation {
  const reason = readVoid(params);
  const intent = intentOf(ledger, intentId, 'intent');
  return plainly(intent.metadata.operationId, (at) => voidIntent(intent, reason, at));
}

function refunding(ledger: Ledger, { params }: MoneyRequest): Operation {
  const asked = readRefund(params);
  const intent = intentOf(ledger, asked.paymentIntent, 'payment_intent');
  return plainly(asked.metadata.operationId ?? intent.metadata.operationId, (at) =>
    refund(intent, asked, at),
  );
}

/** Void and refund behave whatever the payment method: the way back must stay open. */
function plainly(operationId: string | undefined, execute: Operation['execute']): Operation {
  return { manner: { kind: 'plain' }, countedAs: '', operationId, execute };
}

function intentOf(ledger: Ledger, id: string, param: string): IntentRecord {
  const intent = ledger.intents.get(id);
  if (!intent) throw resourceMissing('payment_intent', id, param);
  return intent;
}
