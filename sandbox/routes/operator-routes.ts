import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Ledger } from '../ledger/ledger';
import type { Outcome } from '../ledger/records';
import { isClosed, moveDispute, openDispute } from '../payments/disputes';
import { intentOf } from '../payments/operations';
import { due, unexpectedState } from '../payments/payment-intents';
import { readRefund, refund } from '../payments/refunds';
import type { Steps } from '../payments/steps';
import { StripeError, invalidRequest, resourceMissing } from '../stripe/errors';
import { renderDispute, renderRefund } from '../stripe/after-sale';
import { renderIntent } from '../stripe/objects';
import {
  oneOf,
  optionalAmount,
  optionalString,
  optionalWhole,
  refuseUnknown,
  requiredString,
  type Params,
} from '../stripe/params';

type IdRoute = { Params: { id: string } };

/** An hour, like the longest time of a payment method. */
const delayMsMax = 3_600_000;

/**
 * What happens outside of the client's requests: an operator in Stripe's dashboard, the buyer's bank, and the buyer who
 * authenticates. Nothing here carries metadata of the client.
 */
export function operatorRoutes(app: FastifyInstance, parts: { ledger: Ledger; steps: Steps }): void {
  const { ledger, steps } = parts;
  const act = (outcome: Outcome, request: FastifyRequest) => {
    if (outcome.error) throw new StripeError(outcome.status, outcome.error);
    return steps.take(outcome, { requestId: request.id, operationId: null }, Date.now());
  };

  app.post('/refunds', (request, reply) => {
    const params = paramsOf(request, ['payment_intent', 'amount', 'reason']);
    const intent = intentOf(ledger, requiredString(params, 'payment_intent'), 'payment_intent');
    const outcome = refund(intent, readRefund(params), Date.now(), { byOperator: true });
    reply.send(renderRefund(act(outcome, request).refund!));
  });

  app.post('/disputes', (request, reply) => {
    const params = paramsOf(request, ['payment_intent', 'amount', 'reason', 'outcome', 'afterMs']);
    const intent = intentOf(ledger, requiredString(params, 'payment_intent'), 'payment_intent');
    const hasOutcome = optionalString(params, 'outcome') !== undefined;
    const outcome = openDispute(
      intent,
      {
        amount: optionalAmount(params, 'amount'),
        reason: optionalString(params, 'reason') ?? 'fraudulent',
        ...(hasOutcome && {
          ends: {
            outcome: oneOf(params, 'outcome', ['won', 'lost'], 'lost'),
            afterMs: optionalWhole(params, 'afterMs', delayMsMax) ?? 0,
          },
        }),
      },
      Date.now(),
    );
    reply.send(renderDispute(act(outcome, request).dispute!));
  });

  app.post<IdRoute>('/disputes/:id', (request, reply) => {
    const params = paramsOf(request, ['status']);
    requiredString(params, 'status');
    const status = oneOf(params, 'status', ['under_review', 'won', 'lost'], 'lost');
    const dispute = ledger.disputes.get(request.params.id);
    if (!dispute) throw resourceMissing('dispute', request.params.id, 'dispute');
    if (isClosed(dispute))
      throw invalidRequest(`The dispute ${dispute.id} is ${dispute.status}; it cannot change any more.`);
    const outcome = moveDispute(ledger.intents.get(dispute.paymentIntent)!, dispute, status);
    reply.send(renderDispute(act(outcome, request).dispute!));
  });

  app.post<IdRoute>('/payment_intents/:id/authenticate', (request, reply) =>
    authenticate(request, reply, parts),
  );
}

/** The buyer authenticates or fails to, now or later. Answers with the intent as it then stands. */
function authenticate(
  request: FastifyRequest<IdRoute>,
  reply: FastifyReply,
  { ledger, steps }: { ledger: Ledger; steps: Steps },
) {
  const params = paramsOf(request, ['outcome', 'delayMs']);
  requiredString(params, 'outcome');
  const outcome = oneOf(params, 'outcome', ['success', 'failure'], 'success');
  const delayMs = optionalWhole(params, 'delayMs', delayMsMax) ?? 0;
  const intent = intentOf(ledger, request.params.id, 'intent');
  if (intent.status !== 'requires_action') {
    const { error } = unexpectedState(intent, 'authenticated', 'requires_action');
    throw new StripeError(400, error!);
  }
  steps.schedule(due(Date.now() + delayMs, { kind: 'authentication-ends', intentId: intent.id, outcome }));
  reply.send(renderIntent(ledger.intents.get(intent.id)!));
}

/** The members of a JSON body as Stripe's form would have them. */
function paramsOf({ body }: FastifyRequest, known: readonly string[]): Params {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalidRequest(`Send a JSON object with any of ${known.join(', ')}.`);
  refuseUnknown(body as Params, known);
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, typeof value === 'number' ? String(value) : value]),
  );
}
