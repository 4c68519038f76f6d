import type { ServerResponse } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface StreamEvent {
  /** The client sends it back as `Last-Event-ID` when it reconnects. */
  id?: string;
  type?: string;
  data: string;
}

/** A client is dropped after this many unread heartbeats. */
const unreadHeartbeatsMax = 6;
/** Random, so that the clients of a process that ended do not all reconnect at the same instant. */
const retryMs = { min: 1_000, max: 3_000 };

/**
 * A response of server-sent events. A slow client costs at most one unsent event per key: a newer one replaces it, so
 * events must be complete values. A client that reads nothing is dropped.
 */
export class EventStream {
  private readonly waiting = new Map<string, string>();
  private heartbeat: NodeJS.Timeout | undefined;
  private unreadHeartbeats = 0;
  private isFull = false;
  private ended = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly onEnd: () => void,
  ) {
    response.on('close', () => this.finish());
    // The client disconnected before the stream began.
    if (response.destroyed) queueMicrotask(() => this.finish());
    response.on('drain', () => {
      this.isFull = false;
      this.unreadHeartbeats = 0;
      this.flush();
    });
  }

  open(headers: Record<string, string>, heartbeatMs: number): void {
    const all = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // Otherwise the connection outlives the stream, and a process that ends waits for it.
      connection: 'close',
      // nginx would buffer small events.
      'x-accel-buffering': 'no',
      ...headers,
    };
    for (const [name, value] of Object.entries(all)) this.response.setHeader(name, value);
    this.response.writeHead(200);
    this.write(`retry: ${Math.round(retryMs.min + Math.random() * (retryMs.max - retryMs.min))}\n\n`);
    this.heartbeat = setInterval(() => this.beat(), heartbeatMs);
  }

  send(key: string, event: StreamEvent): void {
    if (this.ended) return;
    // Deleted first, so that the newest event comes last.
    this.waiting.delete(key);
    this.waiting.set(key, textOf(event));
    this.flush();
  }

  /** Sends the waiting events, then ends. */
  complete(): void {
    if (this.ended) return;
    for (const text of this.waiting.values()) this.response.write(text);
    this.response.end();
    this.finish();
  }

  /** Ends at once, with or without a last event. Waiting events are not sent. */
  end(last?: StreamEvent): void {
    if (this.ended) return;
    this.response.end(last && textOf(last));
    this.finish();
  }

  private beat(): void {
    if (!this.isFull) return this.write(': still here\n\n');
    this.unreadHeartbeats += 1;
    if (this.unreadHeartbeats >= unreadHeartbeatsMax) this.response.destroy();
  }

  private flush(): void {
    for (const [key, text] of this.waiting) {
      if (this.ended || this.isFull) return;
      this.waiting.delete(key);
      this.write(text);
    }
  }

  private write(text: string): void {
    if (!this.response.write(text)) this.isFull = true;
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.heartbeat);
    this.waiting.clear();
    this.onEnd();
  }
}

/** `data` must be one line; JSON is. */
function textOf({ id, type, data }: StreamEvent): string {
  const fields = [id && `id: ${id}`, type && `event: ${type}`, `data: ${data}`];
  return `${fields.filter(Boolean).join('\n')}\n\n`;
}

/** The metadata that `@ApiProduces` sets on a handler. */
const produces = 'swagger/apiProduces';

/**
 * Answers HEAD of an event stream with the headers. Fastify gives every GET route a HEAD that runs the handler, and a
 * stream's would never end. It is a guard so that it runs after the check of the key and before the handler.
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
    // Nest stops here, and the filter leaves a sent response alone.
    return false;
  }
}

/** Computes the value of a topic. `argument` is the text after the topic's first colon, or empty. */
export type TopicValue = (argument: string) => Promise<unknown>;

/**
 * The topics that browsers can subscribe to. Each room offers its own; `reporting/stream` computes a topic once a second
 * for all subscribers, and only while it has any.
 */
@Injectable()
export class StreamTopics {
  private readonly offered = new Map<string, TopicValue>();

  /** The value must be complete, not a difference. It throws a HoldfastError when its object does not exist. */
  offer(name: string, value: TopicValue): void {
    if (this.offered.has(name)) throw new Error(`Bug: the topic ${name} is offered twice.`);
    this.offered.set(name, value);
  }

  /** Undefined: there is no such topic. */
  find(topic: string): (() => Promise<unknown>) | undefined {
    const colon = topic.indexOf(':');
    const [name, argument] = colon === -1 ? [topic, ''] : [topic.slice(0, colon), topic.slice(colon + 1)];
    const value = this.offered.get(name);
    return value && (() => value(argument));
  }
}
