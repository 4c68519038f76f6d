import { Injectable } from '@nestjs/common';
import { stripeAccountOf } from '../../auth/api-keys';
import { Database, type Tx } from '../../database/database';
import { type IdempotencyClaim, decideOnce } from '../../idempotency/idempotency.repository';
import { newId } from '../../ids';
import { attach } from '../../inventory/reservations/order-reservations.repository';
import { refuseTotal } from '../../inventory/reservations/reservation-request';
import { type OpenIntake, StockIntake } from '../../inventory/reservations/stock-intake';
import type { Money } from '../../money';
import { appendMessages } from '../../outbox/outbox.repository';
import { type PaymentOptions, atAccount } from '../../payment/payment-options';
import { type ClaimedMessage, Relay } from '../../outbox/relay';
import { requestStep, stepsOf } from '../checkout-saga/checkout.saga';
import { codeVersion } from '../checkout-saga/code-version';
import { insertSagas } from '../checkout-saga/saga.repository';
import { begun } from '../checkout-saga/transitions';
import { workerName } from '../checkout-saga/saga-update';
import type { CaptureMode, OnDecline } from '../order.entity';
import { type NewOrder, insertOrders } from '../orders.repository';
import { type Order } from '../shown-orders.repository';

/** A checkout: on new stock, or on a reservation made before. */
export interface CheckoutRequest {
  claim: IdempotencyClaim;
  /** Whose reservation it may be; null: any shop's, for an admin. */
  owner: string | null;
  customerId: string;
  paymentMethod: string;
  capture: CaptureMode;
  payment?: PaymentOptions | null;
  onDecline?: OnDecline | null;
  lines: { sku: string; quantity: number }[];
  reservationId: string | null;
  pool?: string;
  ttlSeconds: number;
  expectedTotal?: Money;
  metadata: Record<string, string>;
  /** See `NewMessage`. */
  messageClaimedAs?: string;
}

/** `order` is there when this request made it: as it was written, before a worker drove its saga. */
export interface AcceptedOrder {
  orderId: string;
  replayed: boolean;
  order?: Order;
}

/** The reservation that an order stands on. */
interface OrderStock {
  id: string;
  principal: string;
  totalAmount: number;
  currency: string;
  lines: NewOrder['lines'];
  createdAt: Date;
  expiresAt: Date;
  /** Of the reservation. Absent: it was made for this order. */
  version?: number;
}

/**
 * Accepts checkouts. All that a checkout writes before its provider is asked is one transaction: idempotency key, stock,
 * reservation, order, saga, message.
 */
@Injectable()
export class Intake {
  readonly kind: OpenIntake<CheckoutRequest>;

  constructor(
    private readonly db: Database,
    private readonly stock: StockIntake,
    private readonly relay: Relay,
  ) {
    this.kind = stock.open({
      name: 'orders',
      transaction: 'intake',
      reservationOf,
      write: (tx, made) =>
        write(
          tx,
          made.map(({ request, reserved }) => newOrder(request, reserved)),
        ),
    });
  }

  /** Accepts one checkout, or throws why not; a refusal leaves nothing behind, its key included. */
  async accept(checkout: CheckoutRequest): Promise<AcceptedOrder> {
    const request = { ...checkout, messageClaimedAs: this.relay.sendsOwn ? newId() : undefined };
    const { resourceId: orderId, ...decision } =
      request.reservationId === null
        ? await this.stock.take(this.kind, request)
        : await this.acceptOnReservation(request, request.reservationId);
    const order = decision.replayed ? undefined : newOrder(request, decision.decided.reserved);
    const own = order && claimedMessageOf(order);
    // guard: wake-up-is-not-awaited
    this.relay.poke(own);
    return order ? { orderId, replayed: false, order: asWritten(order) } : { orderId, replayed: true };
  }

  /** On stock that was reserved before, at the price it was reserved at. */
  private acceptOnReservation(request: CheckoutRequest, reservationId: string) {
    const placeOnReservation = async (tx: Tx) => {
      const reservation = await attach(tx, {
        reservationId,
        orderId: request.claim.resourceId,
        owner: request.owner,
        customerId: request.customerId,
        accepts: (total) => refuseTotal(request.expectedTotal, total),
      });
      const reserved: OrderStock = {
        ...reservation,
        createdAt: reservation.now,
        version: reservation.version + 1,
      };
      await write(tx, [newOrder({ ...request, payment: await shopsOwn(tx, request, reserved) }, reserved)]);
      return { reserved };
    };
    const work = async (tx: Tx) => {
      const [decision] = await decideOnce(tx, [request], async () => [await placeOnReservation(tx)]);
      if ('refused' in decision!) throw decision.refused;
      return decision!;
    };
    return this.db.transaction('intake', work, { rerunWhenCommitIsUnknown: true });
  }
}

/** An operator's order on a shop's reservation is the shop's, and is charged where the shop's are. */
async function shopsOwn(tx: Tx, { claim, payment = null }: CheckoutRequest, { principal }: OrderStock) {
  return principal === claim.principal ? payment : atAccount(payment, await stripeAccountOf(tx, principal));
}

const reservationOf = (request: CheckoutRequest) => ({
  id: newId(),
  principal: request.claim.principal,
  customerId: request.customerId,
  orderId: request.claim.resourceId,
  lines: request.lines,
  pool: request.pool,
  ttlSeconds: request.ttlSeconds,
  metadata: {},
  expectedTotal: request.expectedTotal,
});

type AcceptedNow = NewOrder & { expiresAt: Date; reservationVersion: number; messageClaimedAs?: string };

const newOrder = (request: CheckoutRequest, stock: OrderStock): AcceptedNow => ({
  messageClaimedAs: request.messageClaimedAs,
  id: request.claim.resourceId,
  principal: stock.principal,
  customerId: request.customerId,
  reservationId: stock.id,
  paymentMethod: request.paymentMethod,
  // Nothing is captured of a free order, now or when it ships.
  capture: stock.totalAmount === 0 ? 'automatic' : request.capture,
  payment: request.payment ?? null,
  onDecline: request.onDecline ?? null,
  totalAmount: stock.totalAmount,
  currency: stock.currency,
  metadata: request.metadata,
  lines: stock.lines,
  createdAt: stock.createdAt,
  expiresAt: stock.expiresAt,
  reservationVersion: stock.version ?? 1,
});

const claimedMessageOf = (order: AcceptedNow): ClaimedMessage | undefined =>
  order.messageClaimedAs === undefined
    ? undefined
    : {
        id: order.messageClaimedAs,
        aggregateId: order.id,
        type: 'order.accepted',
        epoch: 1,
        expiresAt: order.expiresAt.toISOString(),
        now: order.createdAt,
      };

const asWritten = ({ messageClaimedAs: _, reservationVersion, ...order }: AcceptedNow): Order => ({
  ...order,
  lines: order.lines.map((line) => ({ ...line, shipped: 0, givenBack: 0, returned: 0 })),
  status: 'pending',
  rejectionReason: null,
  paymentAttempt: 1,
  reservationStatus: 'active',
  // Its saga's and its order row's first versions beside the reservation's.
  version: reservationVersion + 2,
  placedAt: null,
  endedAt: null,
  now: order.createdAt,
  saga: { status: 'running', step: firstDrivenStepOf(order) },
  operations: [],
  facts: [],
  units: { shipped: 0, left: order.lines.reduce((sum, { quantity }) => sum + quantity, 0) },
  shipments: [],
  refunds: [],
});

/** Where its saga is when an order has been accepted. */
const firstDrivenStepOf = ({ capture, totalAmount: amount }: NewOrder): string =>
  begun(stepsOf({ capture, amount })).step;

async function write(tx: Tx, orders: AcceptedNow[]): Promise<void> {
  await insertOrders(tx, orders);
  await insertSagas(
    tx,
    orders.map((order) => ({
      orderId: order.id,
      createdAt: order.createdAt,
      step: firstDrivenStepOf(order),
    })),
    { requestStep, codeVersion, worker: workerName },
  );
  await appendMessages(
    tx,
    orders.map((order) => ({
      aggregateType: 'order',
      aggregateId: order.id,
      principal: order.principal,
      sequence: 1,
      type: 'order.accepted',
      claimedAs: order.messageClaimedAs,
      payload: { reservationId: order.reservationId, expiresAt: order.expiresAt.toISOString() },
    })),
  );
}
