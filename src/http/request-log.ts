import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import { inRequest, log } from '../logger';

const responses = new Counter({
  name: 'holdfast_http_responses_total',
  help: 'Responses by the class of their status, probes and metrics included.',
  labelNames: ['status'],
});

/**
 * Puts the `requestId` into every log line of a request, counts responses, and logs slow requests.
 *
 * There is no access log above `debug`: the proxy in front writes one and sends its id as `X-Request-Id`, and a line per
 * request would cost more than some requests.
 */
export function logRequests(fastify: FastifyInstance, slowRequestMs: number): void {
  fastify.addHook('onRequest', (request, _, done) => inRequest(request.id, done));
  // The body arrives in the context of the connection, which has no request.
  fastify.addHook('preValidation', (request, _, done) => inRequest(request.id, done));
  fastify.addHook('onResponse', (request, reply, done) => {
    responses.inc({ status: `${Math.floor(reply.statusCode / 100)}xx` });
    const ms = Math.round(reply.elapsedTime);
    const isSlow = ms >= slowRequestMs && !maySafelyTakeLong(request, reply);
    if (isSlow || log.isLevelEnabled('debug')) logRequest(request, { status: reply.statusCode, ms, isSlow });
    done();
  });
}

function logRequest(
  { id: requestId, method, url }: FastifyRequest,
  { isSlow, ...result }: { status: number; ms: number; isSlow: boolean },
): void {
  // The query may name a customer, so it is left out.
  const facts = { requestId, method, path: url.split('?')[0], ...result };
  if (isSlow) log.warn(facts, `slow request: ${result.ms} ms`);
  else log.debug(facts, 'request');
}

/** Event streams and `Prefer: wait` are as slow as the client asked for. */
function maySafelyTakeLong(request: FastifyRequest, reply: FastifyReply): boolean {
  const isStream = String(reply.raw.getHeader('content-type') ?? '').startsWith('text/event-stream');
  return isStream || /\bwait=/i.test(String(request.headers.prefer ?? ''));
}
