import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/auth.guard';
import { Database, type Tx } from '../database/database';
import { type HoldfastError, unavailable } from '../errors';
import { replayOf } from '../idempotency/idempotency.repository';
import { reservationExpired } from '../inventory/inventory.errors';
import { Relay } from '../outbox/relay';
import { type NextAction, NextActions } from '../payment/next-actions';
import { atAccount } from '../payment/payment-options';
import { ProviderAway } from '../payment/provider-away';
import { type Checkout, loadCheckouts, saveCheckouts } from './checkout-saga/checkout';
import { stepsOf } from './checkout-saga/checkout.saga';
import { codeVersion } from './checkout-saga/code-version';
import { isLeased, lockSaga } from './checkout-saga/saga.repository';
import { attemptsLeftOf } from './checkout-saga/steps/buyers-payment';
import {
  noActionRequired,
  noSuchOrder,
  orderNotPending,
  paymentAttemptsSpent,
  paymentInProgress,
} from './orders.errors';
import type { Order } from './shown-orders.repository';
import { OrdersService } from './orders.service';
import type { PaymentDto, RequestedPayment } from './payment.dto';
import { beginPaymentAttempt } from './payment-attempts.repository';
import { actionExpiresAt, presentOperations } from './payment-view';

/** What a buyer's browser needs now, and until when it is of use. */
export interface DueAction extends NextAction {
  stripeAccount: string | null;
  expiresAt: Date;
  now: Date;
}

export interface PaymentRequest {
  orderId: string;
  key: string;
  /** As it was sent: its fingerprint. */
  sent: PaymentDto;
  payment: RequestedPayment;
}

/** What a buyer does for an order that was accepted: authenticate its payment, or pay with another card. */
@Injectable()
export class PaymentAttempts {
  constructor(
    private readonly db: Database,
    private readonly relay: Relay,
    private readonly orders: OrdersService,
    private readonly nextActions: NextActions,
  ) {}

  /** Read at the provider each time. Only for the caller that owns the order, since it lets anybody pay. */
  async nextAction(orderId: string, caller: Principal): Promise<DueAction> {
    const order = await this.orders.get(orderId, caller);
    if (order.principal !== caller.name) throw noSuchOrder();
    const expiresAt = actionExpiresAt(order);
    const address = addressOf(order);
    if (!expiresAt || expiresAt <= order.now || !address) throw nothingToDo();
    const action = await this.nextActions.find(address).catch(whenAway);
    if (!action) throw nothingToDo();
    return { ...action, stripeAccount: address.stripeAccount, expiresAt, now: order.now };
  }

  /**
   * Pays a pending order with another card, on the stock that is held for it. A repeat under the same key changes nothing; of
   * two at once one is refused, because the saga's lock is held while it is decided.
   */
  async payAgain(request: PaymentRequest, caller: Principal): Promise<{ replayed: boolean }> {
    const { orderId, key, sent, payment } = request;
    const { principal } = await this.orders.get(orderId, caller);
    const claim = {
      principal: caller.name,
      operation: 'orders/payments',
      resourceId: orderId,
      request: { id: orderId, payment: sent },
    };
    const replayed = await this.db.transaction(
      'request-payment',
      async (tx) => {
        if (await replayOf(tx, key, claim)) return true;
        await begin(tx, orderId, { ...payment, byOwner: principal === caller.name });
        return false;
      },
      { rerunWhenCommitIsUnknown: true },
    );
    this.relay.poke();
    return { replayed };
  }
}

async function begin(
  tx: Tx,
  orderId: string,
  { paymentMethod, payment, byOwner }: RequestedPayment & { byOwner: boolean },
): Promise<void> {
  const saga = await lockSaga(tx, orderId);
  if (!saga) throw noSuchOrder();
  if (saga.codeVersion > codeVersion)
    throw unavailable('A newer version of this service drives the order. Ask again in a second.');
  const [checkout] = await loadCheckouts(tx, [saga], stepsOf);
  const refusal = refusalOf(checkout!);
  if (refusal) throw refusal;

  const { order, stock, update } = checkout!;
  const attemptsLeft = attemptsLeftOf(order) - 1;
  const paymentAttempt = order.paymentAttempt + 1;
  // At once, so that the hold cannot end between this commit and the worker's.
  stock.pin();
  // An operator's key has another account than the shop's, or none.
  const placed = byOwner ? payment : atAccount(payment, order.payment?.stripeAccount ?? null);
  await beginPaymentAttempt(tx, { orderId, paymentAttempt, paymentMethod, payment: placed });
  update.apply(
    { type: 'paid-again' },
    {
      code: 'another_card_requested',
      data: { paymentAttempt, attemptsLeft },
      why: `the buyer pays with card ${paymentAttempt}`,
    },
  );
  update.giveBackLease();
  await saveCheckouts(tx, [checkout!]);
}

/** Undefined: another card can be tried. The order of the refusals is part of the API. */
function refusalOf({ saga, order, stock, payments }: Checkout): HoldfastError | undefined {
  const { held } = stock;
  if (order.status !== 'pending' || saga.endsAs !== null || saga.requestedEnd !== null || held === 'released')
    return orderNotPending(
      `The order is ${order.status === 'pending' ? 'about to end' : order.status}. To sell the same again, order again.`,
    );
  // guard: one-payment-at-a-time
  if (isLeased(saga) || payments.authorization?.status !== 'declined')
    return paymentInProgress(
      'Its payment has no result yet, or waits for the buyer to authenticate. Look at the order; another card can be tried after a decline.',
    ).forNow();
  if (attemptsLeftOf(order) === 0)
    return paymentAttemptsSpent(
      'It was ordered with fewer attempts (onDecline). To try more cards, order again.',
    );
  // guard: held-stock-is-not-pinned
  if (held === 'expired')
    return reservationExpired(
      'The stock was held for another card until now. Order again if it is still there.',
    );
  return undefined;
}

function addressOf(order: Order): { reference: string; stripeAccount: string | null } | undefined {
  const { providerReference: reference, stripeAccount = null } =
    presentOperations(order).find(({ waitsFor }) => waitsFor === 'buyer') ?? {};
  return reference ? { reference, stripeAccount } : undefined;
}

const nothingToDo = () =>
  noActionRequired(
    'Its payment waits for no authentication: it is done, was declined, or its time is over. Look at the order.',
  );

/** Its cause may name the payment, but never has its secret. */
function whenAway(error: unknown): never {
  if (error instanceof ProviderAway)
    throw unavailable(
      'The payment provider does not answer. Ask again in a second; the stock stays reserved.',
    );
  throw error;
}
