import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Delays } from '../delays';
import type { Faults } from '../faults/faults';
import { fingerprintOf, keyOf } from '../payments/idempotency-keys';
import type { Ledger } from '../ledger/ledger';
import type { MoneyRequests } from '../payments/money-requests';
import { moneyRoutes } from '../payments/operations';
import { stringList, type Params } from '../stripe/params';
import { readRoutes } from './read-routes';
import { searchRoute } from './search-route';
import type { RequestResult, Stats } from '../stats';
import { apiError, apiVersion, rateLimited, unknownUrl, unknownVersion } from '../stripe/errors';
import { type Keys, accountOf } from './keys';
import { renderResponse } from '../stripe/objects';

export interface V1Parts {
  ledger: Ledger;
  money: MoneyRequests;
  faults: Faults;
  delays: Delays;
  stats: Stats;
  keys: Keys;
  searchLagMs: number;
}

/** A request in progress: `finish` counts its result once; `suppress` is what the client gets instead of the response. */
interface Call {
  finish: (result: RequestResult) => void;
  suppress?: 'silence' | 'close';
}

const calls = new WeakMap<FastifyRequest, Call>();

/** Stripe's own paths: authenticated, counted, and subject to the current faults. */
export function v1Routes(app: FastifyInstance, parts: V1Parts): void {
  const { ledger, faults, delays, stats } = parts;
  const underWay = new Set<Call>();
  app.addHook('onRequest', async (request, reply) => {
    const count = stats.begin(`${request.method} ${request.routeOptions.url ?? '(unknown path)'}`);
    const finish = (result: RequestResult) => {
      underWay.delete(call);
      count(result);
    };
    const call: Call = { finish };
    calls.set(request, call);
    reply.header('request-id', request.id).header('stripe-version', apiVersion);
    if (faults.current.down) {
      finish('cutOff');
      reply.hijack();
      request.raw.socket.resetAndDestroy();
      return;
    }
    parts.keys.check(request.headers.authorization, request.method, request.routeOptions.url);
    accountOf(request);
    const version = request.headers['stripe-version'];
    if (typeof version === 'string' && version !== apiVersion) throw unknownVersion(version);
  });
  app.addHook('preHandler', async (request, reply) => {
    // Counted before any fault: an attempt is a request that was received, whatever its result.
    if (request.method === 'POST') countAttempt(ledger, request);
    if (!faults.admits()) throw rateLimited();
    if (underWay.size >= (faults.current.requestsAtOnceMax ?? Infinity))
      throw rateLimited({ hasRetryAfter: false });
    underWay.add(calls.get(request)!);
    if (faults.current.latencyMs > 0) await delays.pass(faults.current.latencyMs);
    const verdict = faults.judge();
    if (verdict === 'error') throw apiError();
    if (verdict === 'timeout-before') leaveUnanswered(request, reply);
    if (verdict === 'timeout-after') calls.get(request)!.suppress = 'silence';
    if (verdict === 'drop-response') calls.get(request)!.suppress = 'close';
  });
  app.addHook('onSend', (request, reply, payload, next) => {
    const { finish, suppress } = calls.get(request)!;
    // The response may depend on lines that wait.
    ledger.flush();
    if (suppress === undefined) {
      finish(request.raw.socket.destroyed ? 'timedOut' : resultOf(reply.statusCode));
      next(null, payload);
      return;
    }
    // Without a call of `next` the socket stays open and silent, like that of a hijacked reply.
    finish(suppress === 'silence' ? 'timedOut' : 'cutOff');
    if (suppress === 'close') request.raw.socket.destroy();
  });
  app.setNotFoundHandler((request) => {
    throw unknownUrl(request.method, request.url);
  });

  readRoutes(app, parts);
  searchRoute(app, parts);
  for (const path of moneyRoutes) app.post(path, (request, reply) => move(request, reply, parts));
}

async function move(request: FastifyRequest, reply: FastifyReply, { ledger, money }: V1Parts) {
  const params = (request.body ?? {}) as Params;
  const key = keyOf(request.headers['idempotency-key']);
  const path = request.url.split('?', 1)[0]!;
  const fingerprint = fingerprintOf(path, params);
  const account = accountOf(request);
  const done = await money.handle({
    ...(account !== undefined && { account }),
    path,
    params,
    ...(key !== undefined && { key }),
    fingerprint,
    requestId: request.id,
  });
  if (!done) return leaveUnanswered(request, reply);

  // An intent without an order is its own order, and has an id only now.
  if (orderOf(ledger, request) === undefined && 'intent' in done.entry)
    ledger.recordAttempt(done.entry.intent.orderId, done.entry.intent.currency);
  if (key !== undefined) reply.header('idempotency-key', key);
  if (done.isReplay)
    reply.header('idempotent-replayed', 'true').header('original-request', done.entry.requestId);
  // The key will repeat it (?).
  if (done.entry.status === 500) reply.header('stripe-should-retry', 'false');
  return reply.code(done.entry.status).send(renderResponse(done.entry, stringList(params, 'expand')));
}

function leaveUnanswered(request: FastifyRequest, reply: FastifyReply): void {
  calls.get(request)!.finish('timedOut');
  reply.hijack();
}

function resultOf(status: number): RequestResult {
  if (status < 400) return 'ok';
  if (status === 402) return 'declined';
  if (status === 429) return 'rateLimited';
  return status < 500 ? 'refused' : 'error5xx';
}

function countAttempt(ledger: Ledger, request: FastifyRequest): void {
  const order = orderOf(ledger, request);
  if (order) ledger.recordAttempt(order.orderId, order.currency);
}

/** The order that a money request names, directly or by its intent. */
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
