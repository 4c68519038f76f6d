import type { Tx } from '../../database/database';
import { publicId } from '../../ids';
import {
  type OrderReservation,
  lockOrderReservations,
  saveOrderReservations,
} from '../../inventory/reservations/order-reservations.repository';
import { OrderPayments } from '../../payment/order-payments';
import { paymentsOf, savePayments } from '../../payment/payment-operations.repository';
import type { PaymentOperation } from '../../payment/payment-operations.repository';
import { type OrderFacts, type OrderMove, moveOrders, orderEnds, orderFactsOf } from '../orders.repository';
import { namingOf } from './code-version';
import type { OrderEnd, Saga, StepKind } from '../saga-state';
import { saveSagas } from './saga.repository';
import { SagaUpdate, workerName } from './saga-update';
import type { Reason, TransitionData } from './transition-codes';
import { placeOf } from './transitions';

/**
 * One order with everything its steps decide on: saga, stock and payments. Loaded under the saga's lock, changed in memory,
 * and written together with many others.
 */
export class Checkout {
  readonly update: SagaUpdate;
  /** The operation whose result was just recorded: what is known of it is what the provider shows now. */
  heard: PaymentOperation['id'] | undefined;
  private readonly moves: OrderMove[] = [];

  constructor(
    start: Saga,
    public order: OrderFacts,
    public stock: OrderReservation,
    readonly payments: OrderPayments,
    private readonly steps: readonly Step[],
  ) {
    this.update = new SagaUpdate(start, steps);
  }

  get saga(): Saga {
    return this.update.saga;
  }

  /** The step that its saga is at. */
  get step(): Step {
    return this.steps[placeOf(this.steps, this.saga.step)]!;
  }

  /** The charge is captured and the stock sold. */
  place(): void {
    this.move({ to: 'placed', reason: null, message: 'order.placed' });
  }

  /**
   * The order ends as its saga decided: when everything is undone, or earlier, when an operator gives it up. Then the
   * second call finds it ended.
   */
  end(): void {
    const end = orderEnds[this.saga.endsAs!];
    if (this.order.status !== end.to) this.move(end);
  }

  /** Given up, and charged after all: the order is pending again, on newly reserved stock. */
  reopen(stock: OrderReservation): void {
    this.stock = stock;
    this.order = { ...this.order, reservationId: stock.reservationId };
    this.move({ to: 'pending', reason: null, message: 'order.reopened' });
  }

  /** News of the order, which changes nothing of its status. */
  announce(message: OrderMove['message'], facts: OrderMove['facts']): void {
    const { orderId, status, reservationId } = this.order;
    const same = { from: status, to: status, reason: null };
    this.moves.push({ ...same, orderId, reservationId, message, facts, at: this.saga.now });
  }

  /** The changes of the order's status and its other news, oldest first. */
  get orderMoves(): readonly OrderMove[] {
    return this.moves;
  }

  private move({ to, reason, message }: Pick<OrderMove, 'to' | 'reason' | 'message'>): void {
    const { orderId, status: from, reservationId } = this.order;
    this.moves.push({ orderId, reservationId, from, to, reason, message, at: this.saga.now });
    this.order = { ...this.order, status: to };
  }
}

/**
 * What a step decides, from what was loaded under the saga's lock. It cannot call the provider: it says what to ask, and
 * runs again when the result is recorded.
 */
export type StepOutcome =
  | { kind: 'done'; reason: Reason }
  /** A final no: the steps before it are compensated, last first. */
  | { kind: 'declined'; endsAs: OrderEnd; reason: Reason; undoesStep?: boolean }
  /** The provider must be asked. The operation is committed as sent before the call. */
  | { kind: 'ask'; operation: PaymentOperation; authorization?: string; data?: TransitionData }
  /** The buyer must act, until this time. */
  | { kind: 'wait'; until: Date; reason: Reason }
  /** No retry can fix this: an operator must act. */
  | { kind: 'blocked'; reason: Reason };

export const done = (code: Reason['code'], data?: Reason['data']): StepOutcome => ({
  kind: 'done',
  reason: { code, data },
});
export const declined = (endsAs: OrderEnd, reason: Reason): StepOutcome => ({
  kind: 'declined',
  endsAs,
  reason,
});
/** A final no, and the provider still holds something of this step: it is undone too, before the order ends. */
export const declinedAndUndone = (endsAs: OrderEnd, reason: Reason): StepOutcome => ({
  kind: 'declined',
  endsAs,
  reason,
  undoesStep: true,
});
export const blocked = (reason: Reason): StepOutcome => ({ kind: 'blocked', reason });

/** The facts of an operation for a line of history. */
export const factsOf = (operation: PaymentOperation): TransitionData => ({
  operation: operation.kind,
  operationId: publicId('pay', operation.id),
  asked: { amount: operation.amount, currency: operation.currency },
  ...(operation.providerReference && { providerReference: operation.providerReference }),
  ...(operation.declineCode && { declineCode: operation.declineCode }),
  ...(operation.failureReason && { failureReason: operation.failureReason }),
});

/** A step changes its checkout in memory; many checkouts are then written with a few statements. */
export interface Step {
  readonly name: string;
  readonly kind: StepKind;
  run(checkout: Checkout): StepOutcome;
  /** Undoes the step. Safe to repeat, and safe when the step never ran or stopped halfway. */
  compensate(checkout: Checkout): StepOutcome;
}

/** Loads what belongs to these sagas. The caller has locked their rows; this locks their reservations, by id. */
export async function loadCheckouts(
  tx: Tx,
  sagas: Saga[],
  stepsOf: (order: OrderFacts) => readonly Step[],
): Promise<Checkout[]> {
  if (sagas.length === 0) return [];
  const ids = sagas.map(({ orderId }) => orderId);
  const orders = await orderFactsOf(tx, ids);
  const stock = await lockOrderReservations(tx, orders);
  const operations = await paymentsOf(tx, ids);
  return sagas.map((saga) => {
    const order = orders.find(({ orderId }) => orderId === saga.orderId)!;
    // guard: naming-of-saga-version
    const naming = namingOf(saga.codeVersion);
    const payments = new OrderPayments({ ...order, naming }, operations.get(saga.orderId) ?? [], saga.now);
    return new Checkout(saga, order, stock.get(saga.orderId)!, payments, stepsOf(order));
  });
}

/** Writes what changed. Checks each saga's fencing token in the write, and throws StaleLease if one has moved on. */
export async function saveCheckouts(tx: Tx, checkouts: Checkout[]): Promise<void> {
  if (checkouts.length === 0) return;
  await saveOrderReservations(
    tx,
    checkouts.map(({ stock }) => stock),
  );
  await savePayments(
    tx,
    checkouts.map(({ payments }) => payments),
  );
  await moveOrders(
    tx,
    checkouts.map(({ orderMoves }) => orderMoves),
  );
  await saveSagas(
    tx,
    checkouts.map(({ update }) => update),
    workerName,
  );
}
