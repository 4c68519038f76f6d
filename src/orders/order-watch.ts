import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config/config';
import { Database } from '../database/database';
import type { Principal } from '../auth/auth.guard';
import { EventStreams } from '../auth/event-streams';
import { HoldfastError } from '../errors';
import type { EventStream } from '../http/event-stream';
import { outsideRequests } from '../logger';
import { authorizationKinds } from '../payment/payment-operations.repository';
import { type Order, shownVersion } from './shown-orders.repository';
import { orderView } from './orders.responses';
import { OrdersService } from './orders.service';

/** About what a step of a saga takes. */
const pauseMsMin = 5;
/** The longest wait for news of an order that has not changed for a while. */
const pauseMsMax = 100;
/** A look may be late by this share of the time that the order has not changed for. */
const lateness = 1 / 8;
/** Many watchers share statements: one every ms and watcher, and from 40 watchers on one every 40 ms. */
const sharedPauseMsMax = 40;

export interface OrderWatcher {
  orderId: string;
  /** Called soon with the present version, and with each new one. `rests`: its saga has ended, or the buyer must act. */
  changed(version: string, rests: boolean): void;
  /** The process shuts down: no more changes are reported. */
  stopped(): void;
}

interface Watched {
  watcher: OrderWatcher;
  version: string | undefined;
  /** By `performance.now()`: when its order was last seen to change. */
  changedAt: number;
  dueAt: number;
}

/**
 * Reports when an order changes, for `Prefer: wait` and for event streams.
 *
 * One query reads all watched orders that are due: soon while an order is new or changing, seldom while it waits for its
 * bank or its buyer. It works across processes, needs neither a queue nor NOTIFY, and does not run without watchers.
 */
@Injectable()
export class OrderWatch implements OnModuleDestroy {
  private readonly watchers = new Set<Watched>();
  private timer: NodeJS.Timeout | undefined;
  private timerAt = 0;
  private tickedAt = -Infinity;
  private isTicking = false;
  private stopped = false;
  /** Waiting requests by the caller's name. */
  private readonly waits = new Map<string, number>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
  ) {}

  /** Returns how to stop watching. */
  watch(watcher: OrderWatcher): () => void {
    if (this.stopped) {
      watcher.stopped();
      return () => {};
    }
    const now = performance.now();
    const watched = { watcher, version: undefined, changedAt: now, dueAt: now + pauseMsMin };
    this.watchers.add(watched);
    outsideRequests(() => this.plan(watched.dueAt));
    return () => void this.watchers.delete(watched);
  }

  /**
   * Resolves when the order's saga has ended or its buyer must act, after `ms`, or when the process shuts down. A caller with too many waiting
   * requests does not wait: its order is accepted, so it gets the response of a wait that timed out.
   */
  async waitForEnd(orderId: string, ms: number, { name }: Principal): Promise<void> {
    const own = this.waits.get(name) ?? 0;
    if (ms <= 0 || own >= this.config.waitsPerKeyMax) return;
    this.waits.set(name, own + 1);
    let timer: NodeJS.Timeout | undefined;
    let unwatch = () => {};
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
      unwatch = this.watch({ orderId, changed: (_, rests) => rests && resolve(), stopped: resolve });
    });
    clearTimeout(timer);
    unwatch();
    const left = this.waits.get(name)! - 1;
    if (left > 0) this.waits.set(name, left);
    else this.waits.delete(name);
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const { watcher } of [...this.watchers]) watcher.stopped();
    this.watchers.clear();
  }

  /** A tick at this time, or when the watchers may share the next one. */
  private plan(dueAt: number): void {
    if (this.isTicking || this.stopped) return;
    const shared = Math.min(Math.max(pauseMsMin, this.watchers.size), sharedPauseMsMax);
    const at = Math.max(dueAt, this.tickedAt + shared);
    if (this.timer !== undefined && at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => void this.tick(), at - performance.now());
  }

  private async tick(): Promise<void> {
    this.timer = undefined;
    this.isTicking = true;
    const startedAt = performance.now();
    // A timer may be early by a millisecond.
    const due = [...this.watchers].filter(({ dueAt }) => dueAt <= startedAt + 1);
    const states = await this.statesOf(due).catch(() => new Map<string, OrderState>());
    const now = performance.now();
    for (const watched of due) {
      const state = states.get(watched.watcher.orderId);
      if (state && state.version !== watched.version) {
        watched.version = state.version;
        watched.changedAt = now;
      }
      const pause = (now - watched.changedAt) * lateness;
      watched.dueAt = now + Math.min(Math.max(pauseMsMin, pause), pauseMsMax);
      // Also without a change: a stream may have failed to read it.
      if (state && this.watchers.has(watched)) watched.watcher.changed(state.version, state.rests);
    }
    this.tickedAt = now;
    this.isTicking = false;
    let first = Infinity;
    for (const { dueAt } of this.watchers) first = Math.min(first, dueAt);
    if (first < Infinity) this.plan(first);
  }

  /** Throws after a database error. The next tick tries again, and the wait has its own limit. */
  private async statesOf(due: Watched[]): Promise<Map<string, OrderState>> {
    if (due.length === 0) return new Map();
    const rows = await this.db.rows<OrderState & { id: string }>(
      `
      SELECT o.id, (${shownVersion})::text AS version,
             s.status IN ('completed', 'compensated')
             -- In the order of their costs: the payment is read for orders that wait without having spent an attempt.
             OR (s.status = 'running' AND s.attempt = 0 AND s.lease_expires_at IS NULL
                 AND s.next_run_at > statement_timestamp()
                 AND EXISTS (SELECT FROM payment_operations p
                              WHERE p.order_id = o.id AND p.kind IN ${authorizationKinds}
                                AND p.payment_attempt = o.payment_attempt
                                AND (p.status = 'declined' OR (p.status = 'pending' AND p.waits_for = 'buyer')))) AS rests
        FROM orders o JOIN sagas s ON s.order_id = o.id JOIN reservations r ON r.id = o.reservation_id
       WHERE o.id = ANY ($1::uuid[])
      `,
      [[...new Set(due.map(({ watcher }) => watcher.orderId))]],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }
}

interface OrderState {
  version: string;
  rests: boolean;
}

/** As OrderWatch writes it. Also the id of an event. */
const versionOf = (order: Order) => String(order.version);
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
