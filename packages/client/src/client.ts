import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type {
  CaptureDto,
  ChangeLinesDto,
  EndpointChangeDto,
  ExtendDto,
  NewEndpointDto,
  NextAction,
  Order,
  OrderDto,
  OrderList,
  PaymentDto,
  RefundDto,
  ReplayDto,
  Reservation,
  ReservationList,
  ReserveDto,
  ReturnDto,
  RotationDto,
  ShipDto,
  Stock,
  WebhookEndpoint,
  WebhookEndpointList,
} from './api.js';
import { HoldfastProblem, OutcomeUnknown } from './errors.js';
import { EventFeed, type EventOptions } from './events.js';
import { type Answer, type CallOptions, type Request, type Settings, Transport } from './transport.js';

export type * from './api.js';
export * from './errors.js';
export { EventFeed, type EventOptions } from './events.js';
export type { Answer, CallOptions, Request, Settings } from './transport.js';
export { verifyWebhook, type WebhookEvent } from './webhooks.js';

/** What the service says in `Retry-After` of an order that is under way. */
const pollMs = 1_000;

const buyerMustAct = ({ payment }: Order) =>
  payment.status === 'requires_action' || payment.retryUntil !== null;
const isSettled = (order: Order) => order.status !== 'pending' || buyerMustAct(order);
const isCancelled = ({ saga }: Order) => saga.status === 'compensated';

/**
 * The calls of a shop. Each is sent again, with the same key, until there is a clear answer or its deadline is over:
 * however often the connection breaks, an intent is one purchase. Refusals are thrown, as classes by their `code`.
 */
export class Holdfast {
  private readonly transport: Transport;

  constructor(settings: Settings) {
    this.transport = new Transport(settings);
  }

  /** Any call of the service, for those that have no method here. */
  request<Body>(request: Request): Promise<Answer<Body>> {
    return this.transport.send<Body>({ idempotencyKey: keyFor(request), ...request });
  }

  /**
   * The order when it has ended (placed, or rejected: see `rejectionReason`), or when it waits for the buyer: `payment.status`
   * is `requires_action`, or `payment.retryUntil` says until when another card may be tried.
   */
  placeOrder(order: OrderDto, options?: CallOptions): Promise<Order> {
    return this.settle('/v1/orders', order, isSettled, options);
  }

  /** Another card for an order that waits for one. Resolves as `placeOrder` does. Each card has its own key. */
  payOrder(orderId: string, payment: PaymentDto, options?: CallOptions): Promise<Order> {
    return this.settle(`/v1/orders/${orderId}/payments`, { payment }, isSettled, options);
  }

  /** Resolves when it is cancelled and its stock is back on sale. */
  cancelOrder(orderId: string, options?: CallOptions): Promise<Order> {
    return this.settle(`/v1/orders/${orderId}/cancel`, undefined, isCancelled, options);
  }

  /** All of it. Resolves when the refund was made and the stock is back on sale. */
  refundOrder(orderId: string, options?: CallOptions): Promise<Order> {
    return this.settle(`/v1/orders/${orderId}/refund`, undefined, isCancelled, options);
  }

  /** In part. Its refund in the answer is `pending` until the provider says that it has arrived. */
  refundPart(orderId: string, refund: RefundDto, options?: CallOptions): Promise<Order> {
    return this.call('POST', `/v1/orders/${orderId}/refunds`, refund, options);
  }

  captureOrder(orderId: string, capture: CaptureDto = {}, options?: CallOptions): Promise<Order> {
    return this.call('POST', `/v1/orders/${orderId}/capture`, capture, options);
  }

  shipOrder(orderId: string, shipment: ShipDto = {}, options?: CallOptions): Promise<Order> {
    return this.call('POST', `/v1/orders/${orderId}/shipments`, shipment, options);
  }

  getOrder(orderId: string, options?: CallOptions): Promise<Order> {
    return this.call('GET', `/v1/orders/${orderId}`, undefined, options);
  }

  /** Newest first. */
  listOrders(query: Request['query'] = {}, options?: CallOptions): Promise<OrderList> {
    return this.list('/v1/orders', query, options);
  }

  /** For Stripe.js in the buyer's browser. Neither store nor log it. */
  nextAction(orderId: string, options?: CallOptions): Promise<NextAction> {
    return this.call('GET', `/v1/orders/${orderId}/next-action`, undefined, options);
  }

  reserve(reservation: ReserveDto, options?: CallOptions): Promise<Reservation> {
    return this.call('POST', '/v1/reservations', reservation, options);
  }

  getReservation(reservationId: string, options?: CallOptions): Promise<Reservation> {
    return this.call('GET', `/v1/reservations/${reservationId}`, undefined, options);
  }

  listReservations(query: Request['query'] = {}, options?: CallOptions): Promise<ReservationList> {
    return this.list('/v1/reservations', query, options);
  }

  changeReservation(reservationId: string, change: ChangeLinesDto, options?: CallOptions) {
    return this.call<Reservation>('PATCH', `/v1/reservations/${reservationId}`, change, options);
  }

  extendReservation(reservationId: string, extension: ExtendDto, options?: CallOptions) {
    return this.call<Reservation>('POST', `/v1/reservations/${reservationId}/extend`, extension, options);
  }

  confirmReservation(reservationId: string, options?: CallOptions): Promise<Reservation> {
    return this.call('POST', `/v1/reservations/${reservationId}/confirm`, undefined, options);
  }

  releaseReservation(reservationId: string, options?: CallOptions): Promise<Reservation> {
    return this.call('POST', `/v1/reservations/${reservationId}/release`, undefined, options);
  }

  shipReservation(reservationId: string, shipment: ShipDto = {}, options?: CallOptions) {
    return this.call<Reservation>('POST', `/v1/reservations/${reservationId}/ship`, shipment, options);
  }

  returnReservation(reservationId: string, goods: ReturnDto, options?: CallOptions): Promise<Reservation> {
    return this.call('POST', `/v1/reservations/${reservationId}/return`, goods, options);
  }

  getStock(sku: string, options?: CallOptions): Promise<Stock> {
    return this.call('GET', `/v1/stock/${encodeURIComponent(sku)}`, undefined, options);
  }

  /** What happened to the orders and reservations of this shop. `for await (const event of holdfast.events({ cursor }))` */
  events(options: EventOptions = {}): EventFeed {
    return new EventFeed(this.transport, options);
  }

  /** The answer has the `secret`, and no later one has it. */
  createWebhookEndpoint(endpoint: NewEndpointDto, options?: CallOptions): Promise<WebhookEndpoint> {
    return this.call('POST', '/v1/webhook-endpoints', endpoint, options);
  }

  listWebhookEndpoints(query: Request['query'] = {}, options?: CallOptions): Promise<WebhookEndpointList> {
    return this.list('/v1/webhook-endpoints', query, options);
  }

  changeWebhookEndpoint(endpointId: string, change: EndpointChangeDto, options?: CallOptions) {
    return this.call<WebhookEndpoint>('PATCH', `/v1/webhook-endpoints/${endpointId}`, change, options);
  }

  async deleteWebhookEndpoint(endpointId: string, options?: CallOptions): Promise<void> {
    await this.call('DELETE', `/v1/webhook-endpoints/${endpointId}`, undefined, options);
  }

  /** The answer has the new `secret`. The old one signs beside it for `overlapHours`. */
  rotateWebhookSecret(endpointId: string, rotation: RotationDto = {}, options?: CallOptions) {
    const path = `/v1/webhook-endpoints/${endpointId}/rotate-secret`;
    return this.call<WebhookEndpoint>('POST', path, rotation, options);
  }

  replayWebhooks(endpointId: string, replay: ReplayDto, options?: CallOptions): Promise<WebhookEndpoint> {
    return this.call('POST', `/v1/webhook-endpoints/${endpointId}/replay`, replay, options);
  }

  private async call<Body>(
    method: Request['method'],
    path: string,
    body: unknown,
    options: CallOptions = {},
  ): Promise<Body> {
    return (await this.request<Body>({ method, path, body, ...defined(options) })).body;
  }

  private async list<Body>(path: string, query: Request['query'], options: CallOptions = {}): Promise<Body> {
    return (await this.request<Body>({ method: 'GET', path, query, ...defined(options) })).body;
  }

  /** Sends it until there is an answer, then reads the order until it is where the caller wants it. */
  private async settle(
    path: string,
    body: unknown,
    isDone: (order: Order) => boolean,
    options: CallOptions = {},
  ): Promise<Order> {
    const idempotencyKey = options.idempotencyKey ?? randomUUID();
    const deadline = this.transport.deadline(defined(options));
    const { waitSeconds } = this.transport;
    const { signal } = options;
    const request = { method: 'POST', path, body, idempotencyKey, waitSeconds, signal } as const;
    let order = await this.transport
      .send<Order>(request, deadline)
      .then((answer) => answer.body, orderOfProblem);
    try {
      while (!isDone(order)) {
        if (performance.now() + pollMs >= deadline) throw new Error('It is still under way.');
        await pause(pollMs, undefined, { signal });
        const read = { method: 'GET', path: `/v1/orders/${order.id}`, signal } as const;
        order = (await this.transport.send<Order>(read, deadline)).body;
      }
      return order;
    } catch (error) {
      if (signal?.aborted || (error instanceof HoldfastProblem && !error.retryable)) throw error;
      throw new OutcomeUnknown(
        `Order ${order.id} is there, and its end is not known. Call again with the same key, or read the order later.`,
        idempotencyKey,
        order,
        error,
      );
    }
  }
}

/** A decline and what else ends an order come as a problem that has the order. Throws what has none. */
function orderOfProblem(error: unknown): Order {
  const { order } = error as { order?: Order };
  if (error instanceof HoldfastProblem && order !== undefined) return order;
  throw error;
}

const keyFor = ({ method }: Request) => (method === 'GET' ? undefined : randomUUID());

/** An option that is there and undefined is one that was not given. */
const defined = <Options extends object>(options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
