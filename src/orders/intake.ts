import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../config';
import { CONFIG } from '../config.module';
import { Database, type Tx } from '../database/database';
import { HoldfastError } from '../errors';
import { failpoint } from '../failpoints';
import { type IdempotencyClaim, claimKeys, dropKeys, reusedKey } from '../idempotency/idempotency';
import { newId } from '../ids';
import { attach } from '../inventory/held-stock';
import { ReservationsService } from '../inventory/reservations.service';
import { type Money, refuseTotal, reserveAlone, reserveTogether } from '../inventory/reserve';
import { appendMessages } from '../outbox/outbox';
import { Relay } from '../outbox/relay';
import { codeVersion, firstDrivenStep } from './checkout-saga/checkout.saga';
import { insertSagas } from './checkout-saga/saga.repository';
import { workerName } from './checkout-saga/turn';
import { type NewOrder, type Order, insertOrders } from './orders.repository';

/** A checkout as it comes through the door: on stock of its own, or on a reservation made before. */
export interface CheckoutRequest {
  claim: IdempotencyClaim;
  /** Whose reservation it may be; null: anybody's, for an admin. */
  owner: string | null;
  customerId: string;
  paymentMethod: string;
  lines: { sku: string; quantity: number }[];
  reservationId: string | null;
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
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly db: Database,
    private readonly reservations: ReservationsService,
    private readonly relay: Relay,
  ) {}

  /** Accepts one checkout, or throws why not; a refusal leaves nothing behind, its key included. */
  async accept(request: CheckoutRequest): Promise<Accepted> {
    const accepted = await this.reservations.expiringWhenShort(() =>
      this.db.transaction(
        'intake',
        async (tx) => {
          const [answer] = await this.acceptAll(tx, [request]);
          if ('refused' in answer!) throw answer.refused;
          return answer!;
        },
        // The key is part of it, so running it again after a lost COMMIT finds the order that the first run made.
        { rerunWhenCommitIsUnknown: true },
      ),
    );
    this.relay.poke();
    return accepted;
  }

  /**
   * Decides many checkouts in the order of the array and writes the accepted ones with a handful of statements.
   * A single refused checkout may leave rows behind, so its caller rolls back; of several, refused ones leave none.
   */
  async acceptAll(tx: Tx, requests: CheckoutRequest[]): Promise<IntakeAnswer[]> {
    const claims = await claimKeys(
      tx,
      requests.map((request) => request.claim),
    );
    await failpoint('intake.key-claimed');
    const first = requests.filter((_, index) => claims[index]!.first);
    const outcomes = await this.decide(tx, first, requests.length === 1);
    await failpoint('intake.stock-taken');
    const accepted = [...outcomes.values()].flatMap((outcome) => ('order' in outcome ? [outcome.order] : []));
    const refused = first.filter((request) => 'refused' in outcomes.get(request)!);
    if (requests.length > 1)
      await dropKeys(
        tx,
        refused.map((request) => request.claim),
      );
    if (accepted.length > 0) await write(tx, accepted);

    const byOrder = new Map(first.map((request) => [request.claim.resourceId, outcomes.get(request)!]));
    return claims.map((claim, index) => {
      if (!claim.first && 'reused' in claim) return { refused: reusedKey() };
      const orderId = claim.first ? requests[index]!.claim.resourceId : claim.resourceId;
      const outcome = byOrder.get(orderId);
      // A copy of a request in this very batch is answered as that one is.
      if (outcome && 'refused' in outcome) return outcome;
      return { orderId, replayed: !claim.first, order: claim.first ? asWritten(outcome!.order) : undefined };
    });
  }

  /** Takes stock for each, or says why not. Reservations before stock rows, and those by id: everybody's lock order. */
  private async decide(
    tx: Tx,
    requests: CheckoutRequest[],
    alone: boolean,
  ): Promise<Map<CheckoutRequest, Outcome>> {
    const outcomes = new Map<CheckoutRequest, Outcome>();
    const attached = requests.filter((request) => request.reservationId !== null);
    attached.sort((one, other) => (one.reservationId! < other.reservationId! ? -1 : 1));
    for (const request of attached) outcomes.set(request, await onReservation(tx, request));

    const bought = requests.filter((request) => request.reservationId === null);
    const taken = await this.onNewStock(tx, bought, alone);
    bought.forEach((request, nth) => outcomes.set(request, taken[nth]!));
    return outcomes;
  }

  private async onNewStock(tx: Tx, requests: CheckoutRequest[], alone: boolean): Promise<Outcome[]> {
    if (requests.length === 0) return [];
    const wanted = requests.map((request) => ({
      id: newId(),
      principal: request.claim.principal,
      customerId: request.customerId,
      orderId: request.claim.resourceId,
      lines: request.lines,
      ttlSeconds: request.ttlSeconds,
      metadata: {},
      expectedTotal: request.expectedTotal,
    }));
    const lifetimeSecondsMax = this.config.reservationLifetimeSecondsMax;
    const outcomes = alone
      ? [await reserveAlone(tx, wanted[0]!, lifetimeSecondsMax)]
      : await reserveTogether(tx, wanted, lifetimeSecondsMax);
    return outcomes.map((outcome, nth) =>
      'refused' in outcome
        ? outcome
        : { order: newOrder(requests[nth]!, outcome.reserved, outcome.reserved.createdAt) },
    );
  }
}

type Refused = { refused: HoldfastError };
type Outcome = { order: AcceptedOrder } | Refused;
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
    orders.map((order) => ({
      orderId: order.id,
      step: firstDrivenStep,
      codeVersion,
      createdAt: order.createdAt,
    })),
    workerName,
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
