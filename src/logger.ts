import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';
import { requestContext } from './request-context';

/** One JSON line per event, with the id of the request it belongs to; keys and signatures never reach it. */
export const log = pino({
  base: { pid: process.pid },
  mixin: () => ({ ...requestContext() }),
  redact: ['req.headers.authorization', 'req.headers["idempotency-key"]', 'req.headers["stripe-signature"]'],
});

/** Nest's logger on top of it; what Nest says of its own start is for debugging only. */
export class NestLog implements LoggerService {
  log(message: unknown, context?: string) {
    log.debug({ context }, String(message));
  }
  debug(message: unknown, context?: string) {
    log.debug({ context }, String(message));
  }
  verbose(message: unknown, context?: string) {
    log.trace({ context }, String(message));
  }
  warn(message: unknown, context?: string) {
    log.warn({ context }, String(message));
  }
  error(message: unknown, ...more: unknown[]) {
    const context = more.at(-1);
    if (message instanceof Error) log.error({ context, err: message }, message.message);
    else log.error({ context, detail: more.length > 1 ? more[0] : undefined }, String(message));
  }
}
