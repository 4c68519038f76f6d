import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ConfigError } from '../config/config';
import { isDatabaseAway } from '../database/pg-errors';
import { HoldfastError, bodyTooLarge, internalError, malformedRequest, notFound } from '../errors';
import { bodyLimitBytes, onlyJson } from './body';
import { log } from '../logger';

/** The page that explains the problems. Each `type` points to it. */
export const problemTypeBase = '/docs/problems';

export function problemBody(error: HoldfastError, request: { url: string; id: string }) {
  return {
    type: `${problemTypeBase}#${error.code}`,
    title: error.title,
    status: error.status,
    code: error.code,
    detail: detailOf(error),
    instance: request.url.split('?')[0],
    requestId: request.id,
    retryable: error.retryable,
    ...error.facts,
  };
}

/** Only the sender of a request can send it again; commands and workers log the same error without this advice. */
const detailOf = (error: HoldfastError) =>
  isDatabaseAway(error.cause) || error.cause instanceof ConfigError
    ? `${error.message} Send the same request again, with the same Idempotency-Key, in a second.`
    : error.message;

export function sendProblem(error: HoldfastError, request: FastifyRequest, reply: FastifyReply): void {
  if (error.retryAfterSeconds !== undefined)
    void reply.header('retry-after', String(error.retryAfterSeconds));
  if (error.status === 415) void reply.header('accept-encoding', 'identity');
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer realm="holdfast"');
  void reply
    .status(error.status)
    .header('x-request-id', request.id)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(problemBody(error, request)));
}

/** For errors outside Nest, which its filter does not see. */
export function sendThrown(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = asHoldfastError(thrown, request.routeOptions.bodyLimit);
  logIfInternal(thrown, request);
  sendProblem(error, request, reply);
}

/** The detail of a 500 promises that the error is in the log under its requestId. */
export function logIfInternal(thrown: unknown, request: FastifyRequest): void {
  if (asHoldfastError(thrown).code !== 'internal_error') return;
  const err = thrown instanceof Error ? thrown : new Error(String(thrown));
  log.error({ context: 'http', requestId: request.id, err }, err.message);
}

/** Turns every error into application/problem+json: ours, Nest's, Fastify's and unexpected ones. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    // A response that has begun cannot become a problem. Ending it is all that is left.
    if (!reply.sent && !reply.raw.headersSent) return sendThrown(thrown, request, reply);
    logIfInternal(thrown, request);
    reply.raw.end();
  }
}

/** `limitBytes`: the body limit of the route. */
export function asHoldfastError(thrown: unknown, limitBytes = bodyLimitBytes): HoldfastError {
  if (thrown instanceof HoldfastError) return thrown;
  const status =
    thrown instanceof HttpException ? thrown.getStatus() : (thrown as { statusCode?: number })?.statusCode;
  if (status === 404) return notFound('Look at /docs for the addresses of this service.');
  if (status === 413) return bodyTooLarge(`Send at most ${Math.floor(limitBytes / 1_024)} KiB.`);
  if (status === 415) return onlyJson();
  // A path that Fastify's router cannot decode.
  if ((thrown as { code?: string } | null)?.code === 'FST_ERR_BAD_URL')
    return malformedRequest('The address is not valid percent-encoded UTF-8. Correct it.');
  if (status !== undefined && status >= 400 && status < 500) {
    return malformedRequest('The body or the address is not well-formed. Send one JSON object in UTF-8.');
  }
  return internalError(
    'It was logged under this requestId. Send the same request again, with the same Idempotency-Key.',
  );
}
