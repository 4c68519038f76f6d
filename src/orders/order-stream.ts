import { Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HoldfastError } from '../errors';
import type { Principal } from '../auth/auth.guard';
import type { EventStream } from '../http/event-stream';
import { EventStreams } from '../auth/event-streams';
import { OrderWatch } from './order-watch';
import type { Order } from './orders.repository';
import { OrdersService } from './orders.service';
import { orderView } from './orders.responses';

/** As OrderWatch writes it. Also the id of an event. */
const versionOf = (order: Order) => `${order.version}.${order.saga.version}`;
const hasEnded = ({ saga }: Order) => saga.status === 'completed' || saga.status === 'compensated';

export interface OrderStreamRequest {
  orderId: string;
  caller: Principal;
  /** `Last-Event-ID`: the version that the client has seen. */
  seen: string | undefined;
}

/**
 * Streams one order until it has ended. Each event is the whole order, so a client that reconnects has missed nothing. A
 * client that has already seen the end gets 204, after which an EventSource does not reconnect.
 */
@Injectable()
export class OrderStream {
  private readonly logger = new Logger('order-stream');

  constructor(
    private readonly orders: OrdersService,
    private readonly watch: OrderWatch,
    private readonly streams: EventStreams,
  ) {}

  async open(asked: OrderStreamRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const order = await this.orders.get(asked.orderId, asked.caller);
    if (hasEnded(order) && asked.seen === versionOf(order)) return void reply.status(204).send();
    let stopWatching = () => {};
    const stream = this.streams.begin(request, reply, { onEnd: () => stopWatching() });
    stopWatching = this.follow(stream, asked);
  }

  private follow(stream: EventStream, { orderId, caller, seen }: OrderStreamRequest): () => void {
    let sent = seen;
    let isReading = false;
    const read = async () => {
      try {
        const order = await this.orders.get(orderId, caller);
        sent = versionOf(order);
        stream.send('order', { id: sent, type: 'order', data: JSON.stringify(orderView(order)) });
        if (hasEnded(order)) stream.complete();
      } catch (error) {
        // After a database error the next change tries again.
        if (error instanceof HoldfastError && error.retryable) return;
        if (!(error instanceof HoldfastError)) this.logger.error(error, orderId);
        stream.end();
      } finally {
        isReading = false;
      }
    };
    const changed = (version: string) => {
      if (version === sent || isReading) return;
      isReading = true;
      void read();
    };
    return this.watch.watch({ orderId, changed, stopped: () => stream.end() });
  }
}
