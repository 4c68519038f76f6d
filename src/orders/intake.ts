import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../config';
import { CONFIG } from '../config.module';
import { Database, type Tx } from '../database/database';
import { HoldfastError } from '../errors';
import { type IdempotencyClaim, claimKeys, dropKeys, reusedKey } from '../idempotency/idempotency';
import { newId } from '../ids';
import { attach } from '../inventory/held-stock';
import { ReservationsService } from '../inventory/reservations.service';
import { type Money, refuseOtherTotal, reserve } from '../inventory/reserve';
import { appendMessages } from '../outbox/outbox';
import { Relay } from '../outbox/relay';
import { codeVersion, firstDrivenStep } from './checkout-saga/checkout.saga';
import { insertSagas } from './checkout-saga/saga.repository';
import { workerName } from './checkout-saga/saga-runner';
import { type NewOrder, insertOrders } from './orders.repository';

/** A checkout as it comes through the door: on stock of its own, or on a reservation made before. */
export interface CheckoutRequest {
  claim: IdempotencyClaim;
  customerId: string;
  paymentMethod: string;
  lines: { sku: string; quantity: number }[];
  reservationId: string | null;
  ttlSeconds: number;
  expectedTotal?: Money;
  metadata: Record<string, string>;
}

export type IntakeAnswer = { orderId: string; replayed: boolean } | { refused: HoldfastError };

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
  async accept(request: CheckoutRequest): Promise<{ orderId: string; replayed: boolean }> {
    const accepted = await this.reservations.expiringWhenShort(request, () =>
      this.db.transaction(
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
    const answers = claims.map((claim): IntakeAnswer | undefined => {
      if (claim.first) return undefined;
      return 'reused' in claim ? { refused: reusedKey() } : { orderId: claim.resourceId, replayed: true };
    });

    const open = requests.flatMap((request, index) => (answers[index] ? [] : [{ request, index }]));
    const bought = open.filter(({ request }) => request.reservationId === null);
    const attached = open.filter(({ request }) => request.reservationId !== null);
    const accepted: AcceptedOrder[] = [];
    const settle = (index: number, outcome: Accepted) => {
      if ('refused' in outcome) answers[index] = outcome;
      else {
        answers[index] = { orderId: outcome.order.id, replayed: false };
        accepted.push(outcome.order);
      }
    };
    // Reservations before stock rows, and those by id: the lock order that everybody keeps to.
    attached.sort((one, other) => (one.request.reservationId! < other.request.reservationId! ? -1 : 1));
    for (const { request, index } of attached) settle(index, await onReservation(tx, request));
    const outcomes = await this.onNewStock(
      tx,
      bought.map(({ request }) => request),
    );
    outcomes.forEach((outcome, nth) => settle(bought[nth]!.index, outcome));

    const refused = open.filter(({ index }) => 'refused' in answers[index]!);
    if (requests.length > 1)
      await dropKeys(
        tx,
        refused.map(({ request }) => request.claim),
      );
    if (accepted.length > 0) await write(tx, accepted);
    return answers as IntakeAnswer[];
  }

  private async onNewStock(tx: Tx, requests: CheckoutRequest[]): Promise<Accepted[]> {
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
    const outcomes = await reserve(tx, wanted, this.config.reservationLifetimeSecondsMax);
    return outcomes.map((outcome, nth) =>
      'refused' in outcome
        ? outcome
        : { order: newOrder(requests[nth]!, outcome.reserved, outcome.reserved.createdAt) },
    );
  }
}

type Accepted = { order: AcceptedOrder } | { refused: HoldfastError };
type AcceptedOrder = NewOrder & { expiresAt: Date };

/** Stock that was reserved before, at the price it was reserved at. Refusing it writes nothing. */
async function onReservation(tx: Tx, request: CheckoutRequest): Promise<Accepted> {
  try {
    const reservation = await attach(tx, {
      reservationId: request.reservationId!,
      orderId: request.claim.resourceId,
      owner: request.claim.principal,
      customerId: request.customerId,
      accepts: (total) => refuseOtherTotal(request.expectedTotal, total),
    });
    return { order: newOrder(request, reservation, reservation.now) };
  } catch (error) {
    if (error instanceof HoldfastError) return { refused: error };
    throw error;
  }
}

function newOrder(
  request: CheckoutRequest,
  stock: { id: string; totalAmount: number; currency: string; lines: NewOrder['lines']; expiresAt: Date },
  createdAt: Date,
): AcceptedOrder {
  return {
    id: request.claim.resourceId,
    principal: request.claim.principal,
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
