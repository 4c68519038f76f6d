import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { behaviourOf } from './behaviours';
import type { Delays } from './delays';
import type { Faults } from './faults';
import { keyOf } from './idempotency-keys';
import { readAuthorization, readCapture, readVoid } from './intent-params';
import type { IntentRecord, Ledger } from './ledger';
import type { MoneyRequests, Operation } from './money-requests';
import { stringList, type Params } from './params';
import { authorize, capture, voidIntent } from './payment-intents';
import { readRoutes } from './read-routes';
import { readRefund, refund } from './refunds';
import { apiError, resourceMissing, unauthorized, unknownUrl } from './stripe-errors';
import { renderAnswer } from './stripe-objects';

export interface V1Parts {
  ledger: Ledger;
  money: MoneyRequests;
  faults: Faults;
  delays: Delays;
  secretKey: string;
}

type IdParams = { Params: { id: string } };

/** Stripe's own paths: authenticated, subject to the faults in force, and the money-moving ones written here. */
export function v1Routes(app: FastifyInstance, parts: V1Parts): void {
  const { ledger, faults, delays, secretKey } = parts;
  app.addHook('onRequest', async (request, reply) => {
    reply.header('request-id', request.id);
    if (faults.current.down) {
      reply.hijack();
      request.raw.socket.resetAndDestroy();
      return;
    }
    authenticate(request.headers.authorization, secretKey);
  });
  app.addHook('preHandler', async (request, reply) => {
    // Counted before any fault: an attempt is what was received, whatever becomes of it.
    if (request.method === 'POST') countAttempt(ledger, request);
    if (faults.current.latencyMs > 0) await delays.pass(faults.current.latencyMs);
    const verdict = faults.judge();
    if (verdict === 'error') throw apiError();
    if (verdict === 'timeout-before') reply.hijack();
    if (verdict === 'timeout-after') neverAnswered.add(reply);
  });
  // Not calling `next` leaves the socket open and silent until one side closes it, as a hijacked reply does.
  app.addHook('onSend', (_request, reply, payload, next) => {
    if (!neverAnswered.has(reply)) next(null, payload);
  });
  app.setNotFoundHandler((request) => {
    throw unknownUrl(request.method, request.url);
  });

  readRoutes(app, ledger);
  moneyRoutes(app, parts);
}

/** Requests to be carried out in full, their answers then kept back. */
const neverAnswered = new WeakSet<FastifyReply>();

function moneyRoutes(app: FastifyInstance, { ledger, money }: V1Parts): void {
  const move = async (
    request: FastifyRequest,
    reply: FastifyReply,
    prepare: (params: Params, fallback: string) => Operation,
  ) => {
    const params = (request.body ?? {}) as Params;
    const key = keyOf(request.headers['idempotency-key']);
    const path = request.url.split('?', 1)[0]!;
    const done = await money.handle({ path, params, key, requestId: request.id }, (fallback) =>
      prepare(params, fallback),
    );
    if (!done) return reply.hijack();

    // An intent without an order is its own order, and has a name only now.
    if (orderOf(ledger, request) === undefined)
      ledger.recordAttempt(done.entry.intent.orderId, done.entry.intent.currency);
    if (key !== undefined) reply.header('idempotency-key', key);
    if (done.isReplay)
      reply.header('idempotent-replayed', 'true').header('original-request', done.entry.requestId);
    return reply.code(done.entry.status).send(renderAnswer(done.entry, stringList(params, 'expand')));
  };

  app.post('/payment_intents', (request, reply) =>
    move(request, reply, (params, fallback) => {
      const asked = readAuthorization(params);
      const { metadata, behaviour } = asked;
      return {
        manner: behaviour.manner,
        countedAs: `authorize ${metadata.orderId ?? fallback}`,
        operationId: metadata.operationId,
        execute: (at) => authorize(asked, at),
      };
    }),
  );

  app.post<IdParams>('/payment_intents/:id/capture', (request, reply) =>
    move(request, reply, (params) => {
      const asked = readCapture(params);
      const { id, paymentMethod, metadata } = intentOf(ledger, request.params.id, 'intent');
      return {
        manner: behaviourOf(paymentMethod)?.manner ?? { kind: 'plain' },
        countedAs: `capture ${id}`,
        operationId: asked.metadata.operationId ?? metadata.operationId,
        // Read again at execution: with a slow or late capture the intent may have been voided meanwhile.
        execute: () => capture(intentOf(ledger, id, 'intent'), asked),
      };
    }),
  );

  app.post<IdParams>('/payment_intents/:id/cancel', (request, reply) =>
    move(request, reply, (params) => {
      const reason = readVoid(params);
      const intent = intentOf(ledger, request.params.id, 'intent');
      return plainly(intent.metadata.operationId, (at) => voidIntent(intent, reason, at));
    }),
  );

  app.post('/refunds', (request, reply) =>
    move(request, reply, (params) => {
      const asked = readRefund(params);
      const intent = intentOf(ledger, asked.paymentIntent, 'payment_intent');
      return plainly(asked.metadata.operationId ?? intent.metadata.operationId, (at) =>
        refund(intent, asked, at),
      );
    }),
  );
}

/** Void and refund behave whatever the payment method: the way back must stay open. */
function plainly(operationId: string | undefined, execute: Operation['execute']): Operation {
  return { manner: { kind: 'plain' }, countedAs: '', operationId, execute };
}

/** Stripe's SDKs send the key as a Bearer token, curl's `-u` as the user of Basic. */
function authenticate(header: string | undefined, secretKey: string): void {
  const [scheme, value] = (header ?? '').split(' ', 2);
  const isBasic = scheme?.toLowerCase() === 'basic' && value !== undefined;
  const key = isBasic ? Buffer.from(value, 'base64').toString().split(':', 1)[0] : value;
  if (key !== secretKey) throw unauthorized(key);
}

function intentOf(ledger: Ledger, id: string, param: string): IntentRecord {
  const intent = ledger.intents.get(id);
  if (!intent) throw resourceMissing('payment_intent', id, param);
  return intent;
}

function countAttempt(ledger: Ledger, request: FastifyRequest): void {
  const order = orderOf(ledger, request);
  if (order) ledger.recordAttempt(order.orderId, order.currency);
}

/** The order a money-moving request names, directly or by its intent; undefined when it names none. */
function orderOf(ledger: Ledger, request: FastifyRequest): { orderId: string; currency: string } | undefined {
  const params = (request.body ?? {}) as Params;
  const intentId = (request.params as { id?: string }).id ?? params.payment_intent;
  if (typeof intentId === 'string') return ledger.intents.get(intentId);

  const { orderId } = (params.metadata ?? {}) as { orderId?: unknown };
  if (typeof orderId !== 'string' || orderId === '' || orderId.length > 500) return undefined;
  const currency =
    typeof params.currency === 'string' && /^[a-z]{3}$/i.test(params.currency) ? params.currency : '';
  return { orderId, currency };
}
