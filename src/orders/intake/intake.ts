import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../../config/config';
import { CONFIG } from '../../config/config.module';
import { type BatchAnswer, Batcher } from '../../database/group-commit';
import { Database, type Isolation, type Tx } from '../../database/database';
import { HoldfastError } from '../../errors';
import { failpoint } from '../../failpoints';
import { type IdempotencyClaim, decideOnce } from '../../idempotency/idempotency';
import { newId } from '../../ids';
import { watchIntake } from '../../inventory/allocation/demand';
import { attach } from '../../inventory/reservations/order-reservations';
import { ReservationsService } from '../../inventory/reservations/reservations.service';
import { Admission, type Alone, intakeBatching } from '../../inventory/allocation/admission';
import {
  type ReserveOutcome,
  refuseTotal,
  reserveAlone,
  reserveTogether,
} from '../../inventory/reservations/reserve';
import type { Money, ReservationRequest } from '../../inventory/reservations/reservation-request';
import type { Entered } from '../../inventory/allocation/strategies/strategy';
import { appendMessages } from '../../outbox/outbox';
import { Relay } from '../../outbox/relay';
import { checkoutSteps, firstDrivenStep } from '../checkout-saga/checkout.saga';
import { codeVersion } from '../checkout-saga/code-version';
import { insertSagas } from '../checkout-saga/saga.repository';
import { workerName } from '../checkout-saga/saga-update';
import { type NewOrder, type Order, insertOrders } from '../orders.repository';

/** A checkout as it comes through the door: on stock of its own, or on a reservation made before. */
export interface CheckoutRequest {
  claim: IdempotencyClaim;
  /** Whose reservation it may be; null: anybody's, for an admin. */
  owner: string | null;
  customerId: string;
  paymentMethod: string;
  lines: { sku: string; quantity: number }[];
  reservationId: string | null;
  pool?: string;
  ttlSeconds: number;
  expectedTotal?: Money;
  metadata: Record<string, string>;
}

/** `order` is there when this request made it: the order as it was written, before anybody drove it. */
export interface Accepted {
  orderId: string;
  replayed: boolean;
  order?: Order;
}

export type IntakeAnswer = Accepted | { refused: HoldfastError };

/**
 * The door. Everything a checkout writes before its provider is asked is written in one transaction: idempotency key,
 * stock, reservation, order, saga, message. All of it is there or none of it.
 */
@Injectable()
export class Intake {
  private readonly batcher: Batcher<CheckoutRequest, Accepted>;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly reservations: ReservationsService,
    private readonly admission: Admission,
    private readonly relay: Relay,
  ) {
    this.batcher = new Batcher((batch) => this.acceptBatch(batch), intakeBatching('orders', config));
  }

  /**
   * Accepts one checkout, or throws why not; a refusal leaves nothing behind, its key included. Checkouts of `grouped`
   * SKUs that come while others are being accepted share the next transaction.
   */
  async accept(request: CheckoutRequest): Promise<Accepted> {
    const accepted =
      request.reservationId === null ? await this.takeStock(request) : await this.acceptAlone(request);
    // guard: wake-up-is-not-awaited
    this.relay.poke();
    return accepted;
  }

  private takeStock(request: CheckoutRequest): Promise<Accepted> {
    const skus = request.lines.map(({ sku }) => sku);
    return watchIntake(skus, () => this.reservations.expiringWhenShort(() => this.admitted(request)));
  }

  private admitted(request: CheckoutRequest): Promise<Accepted> {
    return this.admission.admit(
      request.lines.map(({ sku }) => sku),
      {
        together: (lane) => this.batcher.add(request, lane),
        alone: (way) => this.acceptAlone(request, way),
      },
    );
  }

  private acceptAlone(request: CheckoutRequest, way?: Alone): Promise<Accepted> {
    return this.transact(async (tx) => {
      const [answer] = await this.acceptAll(tx, [request], way?.entered);
      if ('refused' in answer!) throw answer.refused;
      return answer!;
    }, way?.isolation);
  }

  private async acceptBatch(batch: CheckoutRequest[]): Promise<BatchAnswer<Accepted>[]> {
    // A lone one may leave rows behind when it is refused, so it is refused by throwing.
    if (batch.length === 1) return [{ answer: await this.acceptAlone(batch[0]!) }];
    const answers = await this.transact((tx) => this.acceptAll(tx, batch));
    return answers.map((answer) => ('refused' in answer ? { error: answer.refused } : { answer }));
  }

  private transact<T>(work: (tx: Tx) => Promise<T>, isolation?: Isolation): Promise<T> {
    // The keys are part of it, so running it again after a lost COMMIT finds the orders that the first run made.
    return this.db.transaction('intake', work, { isolation, rerunWhenCommitIsUnknown: true });
  }

  /**
   * Decides many checkouts in the order of the array and writes the accepted ones with a handful of statements.
   * A single refused checkout may leave rows behind, so its caller rolls back; of several, refused ones leave none.
   */
  async acceptAll(tx: Tx, requests: CheckoutRequest[], entered?: Entered): Promise<IntakeAnswer[]> {
    const decisions = await decideOnce(tx, requests, async (first) => {
      await failpoint('intake.key-claimed');
      const outcomes =
        requests.length === 1
          ? [await this.decideAlone(tx, first[0]!, entered)]
          : await this.decide(tx, first);
      await failpoint('intake.stock-taken');
      const orders = outcomes.flatMap((outcome) => ('order' in outcome ? [outcome.order] : []));
      if (orders.length > 0) await write(tx, orders);
      return outcomes;
    });
    return decisions.map((decision) => {
      if ('refused' in decision) return decision;
      const { resourceId: orderId, replayed } = decision;
      return { orderId, replayed, order: decision.replayed ? undefined : asWritten(decision.decided.order) };
    });
  }

  /** By the strategies of its SKUs. */
  private async decideAlone(tx: Tx, request: CheckoutRequest, entered?: Entered): Promise<Outcome> {
    if (request.reservationId !== null) return onReservation(tx, request);
    const outcome = await reserveAlone(tx, wanted(request), this.lifetimeSecondsMax, entered);
    return outcomeOf(request, outcome);
  }

  /** Takes stock for each, or says why not. Reservations before stock rows, and those by id: everybody's lock order. */
  private async decide(tx: Tx, requests: CheckoutRequest[]): Promise<Outcome[]> {
    const outcomes = new Map<CheckoutRequest, Outcome>();
    const attached = requests.filter((request) => request.reservationId !== null);
    attached.sort((one, other) => (one.reservationId! < other.reservationId! ? -1 : 1));
    for (const request of attached) outcomes.set(request, await onReservation(tx, request));

    const bought = requests.filter((request) => request.reservationId === null);
    const taken =
      bought.length > 0 ? await reserveTogether(tx, bought.map(wanted), this.lifetimeSecondsMax) : [];
    bought.forEach((request, nth) => outcomes.set(request, outcomeOf(request, taken[nth]!)));
    return requests.map((request) => outcomes.get(request)!);
  }

  private get lifetimeSecondsMax(): number {
    return this.config.reservationLifetimeSecondsMax;
  }
}

const wanted = (request: CheckoutRequest): ReservationRequest => ({
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

const outcomeOf = (request: CheckoutRequest, outcome: ReserveOutcome): Outcome =>
  'refused' in outcome ? outcome : { order: newOrder(request, outcome.reserved, outcome.reserved.createdAt) };

type Outcome = { order: AcceptedOrder } | { refused: HoldfastError };
type AcceptedOrder = NewOrder & { expiresAt: Date };

/** Stock that was reserved before, at the price it was reserved at. Refusing it writes nothing. */
async function onReservation(tx: Tx, request: CheckoutRequest): Promise<Outcome> {
  try {
    const reservation = await attach(tx, {
      reservationId: request.reservationId!,
      orderId: request.claim.resourceId,
      owner: request.owner,
      customerId: request.customerId,
      accepts: (total) => refuseTotal(request.expectedTotal, total),
    });
    return { order: newOrder(request, reservation, reservation.now) };
  } catch (error) {
    if (error instanceof HoldfastError) return { refused: error };
    throw error;
  }
}

function newOrder(
  request: CheckoutRequest,
  stock: {
    id: string;
    principal: string;
    totalAmount: number;
    currency: string;
    lines: NewOrder['lines'];
    expiresAt: Date;
  },
  createdAt: Date,
): AcceptedOrder {
  return {
    id: request.claim.resourceId,
    principal: stock.principal,
    customerId: request.customerId,
    reservationId: stock.id,
    paymentMethod: request.paymentMethod,
    totalAmount: stock.totalAmount,
    currency: stock.currency,
    metadata: request.metadata,
    lines: stock.lines,
    createdAt,
    expiresAt: stock.expiresAt,
  };
}

const asWritten = (order: AcceptedOrder): Order => ({
  ...order,
  status: 'pending',
  rejectionReason: null,
  version: 1,
  placedAt: null,
  endedAt: null,
  now: order.createdAt,
  saga: { status: 'running', step: firstDrivenStep, version: 1 },
  operations: [],
});

async function write(tx: Tx, orders: AcceptedOrder[]): Promise<void> {
  await insertOrders(tx, orders);
  await insertSagas(
    tx,
    orders.map((order) => ({ orderId: order.id, createdAt: order.createdAt })),
    { steps: checkoutSteps, codeVersion, worker: workerName },
  );
  await appendMessages(
    tx,
    orders.map((order) => ({
      aggregateType: 'order',
      aggregateId: order.id,
      sequence: 1,
      type: 'order.accepted',
      payload: { reservationId: order.reservationId, expiresAt: order.expiresAt.toISOString() },
    })),
  );
}
