import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { inRequest } from '../request-context';
import { log } from '../logger';

/**
 * Gives every log line of a request its `requestId`, and logs requests that were slow.
 *
 * There is no access log above `debug`: the proxy in front writes one, its id comes in as `X-Request-Id`, and a line per
 * request would cost more than some of the requests do.
 */
export function logRequests(fastify: FastifyInstance, slowRequestMs: number): void {
  fastify.addHook('onRequest', (request, _, done) => inRequest(request.id, done));
  // A body arrives in the context of its connection, which belongs to no request.
  fastify.addHook('preValidation', (request, _, done) => inRequest(request.id, done));
  fastify.addHook('onResponse', async (request, reply) => {
    const ms = Math.round(reply.elapsedTime);
    const isSlow = ms >= slowRequestMs && !maySafelyTakeLong(request, reply);
    if (!isSlow && !log.isLevelEnabled('debug')) return;
    // Without the query, which may name a customer.
    const path = request.url.split('?')[0];
    const facts = { requestId: request.id, method: request.method, path, status: reply.statusCode, ms };
    if (isSlow) log.warn(facts, `slow request: ${ms} ms`);
    else log.debug(facts, 'request');
  });
}

/** Event streams and `Prefer: wait` take as long as the client asked for. */
function maySafelyTakeLong(request: FastifyRequest, reply: FastifyReply): boolean {
  const isStream = String(reply.raw.getHeader('content-type') ?? '').startsWith('text/event-stream');
  return isStream || /\bwait=/i.test(String(request.headers.prefer ?? ''));
}
