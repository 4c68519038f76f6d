import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** What `@ApiProduces` leaves on a handler. */
const produces = 'swagger/apiProduces';

/**
 * HEAD of an event stream: the headers, at once. Fastify gives every GET route a HEAD, which runs the handler; that of a
 * stream would never end. A guard, because it runs after the one for keys and before any handler.
 */
@Injectable()
export class HeadOfStreams implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const types = this.reflector.get<string[] | undefined>(produces, context.getHandler());
    if (request.method !== 'HEAD' || !types?.includes('text/event-stream')) return true;
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-request-id': request.id,
    });
    reply.raw.end();
    // Nest goes no further, and the filter leaves alone what was answered.
    return false;
  }
}
