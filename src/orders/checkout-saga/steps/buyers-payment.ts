import type { OperationKind, PaymentOperation } from '../../../payment/payment-operations.repository';
import {
  type Checkout,
  type StepOutcome,
  blocked,
  declined,
  declinedAndUndone,
  done,
  factsOf,
} from '../checkout';
import type { Reason } from '../transition-codes';
import { refund } from './refund';

/**
 * A payment with the buyer's card, as the steps that authorize or charge it share it.
 *
 * created, sent, unknown, pending → ask        the provider is asked, or looked at
 * pending, for the buyer          → wait       until the buyer has authenticated or that time is over
 * pending, with a decline code    → ask void   it ends, but its intent can still be confirmed by a browser that has its secret
 * declined                        → wait       for another card, while the order allows one; otherwise the order ends
 * approved                        → done
 */
type Kind = Extract<OperationKind, 'authorize' | 'charge'>;

export function payWithCard(checkout: Checkout, kind: Kind): StepOutcome {
  const known = checkout.payments.find(kind);
  if (known?.status === 'declined') return afterDecline(checkout, known);
  const ended = pinStock(checkout);
  if (ended) return ended;

  const operation = checkout.payments.findOrCreate(kind);
  if (operation.status === 'pending' && operation.declineCode) return cancelFirst(checkout, operation);
  if (operation.status === 'pending' && operation.waitsFor === 'buyer') return forBuyer(checkout, operation);
  if (operation.status !== 'approved') return { kind: 'ask', operation };
  if (operation.declineCode) {
    // guard: partial-authorization-is-voided
    return declinedAndUndone('payment_declined', reasonOf(operation));
  }
  return done(kind === 'charge' ? 'payment_charged' : 'payment_authorized', factsOf(operation));
}

/** No money may be asked for stock that is gone, and none of it sold. */
export function pinStock({ stock, order }: Checkout): StepOutcome | undefined {
  const pinned = stock.pin();
  if (pinned === 'expired')
    return declined(order.paymentAttempt > 1 ? 'payment_declined' : 'reservation_expired', {
      code: 'reservation_expired',
      why: 'the reservation ended before its charge began',
    });
  if (pinned === 'released') return released();
  return undefined;
}

const released = (): StepOutcome =>
  declined('cancelled', {
    code: 'reservation_released',
    why: 'the reservation was released before its charge began',
  });

/** An event or the deadline only wakes: what the provider shows decides. */
function forBuyer({ heard }: Checkout, operation: PaymentOperation): StepOutcome {
  // Sagas of builds whose buyers could not act.
  if (operation.actionExpiresAt === null) {
    return declinedAndUndone('payment_declined', {
      code: 'authentication_required',
      data: factsOf(operation),
      why: 'the buyer would have to authenticate',
    });
  }
  if (heard !== operation.id) return { kind: 'ask', operation };
  const reason: Reason = {
    code: 'action_required',
    data: factsOf(operation),
    why: 'the buyer must authenticate',
  };
  return { kind: 'wait', until: operation.actionExpiresAt, reason };
}

/**
 * Cancels what was declined, and awaits the answer, before the stock is released, the order ends or another card is tried. If
 * the buyer has paid meanwhile, it cannot be canceled any more and the order goes on.
 */
function cancelFirst(checkout: Checkout, operation: PaymentOperation): StepOutcome {
  const { payments, heard } = checkout;
  const cancellation = payments.findOrCreate('void');
  if (cancellation.status === 'declined')
    return heard === operation.id ? voidDeclined(cancellation) : { kind: 'ask', operation };
  const { declineCode, mayTryAnotherCard } = operation;
  // guard: declined-intent-is-canceled-first
  if (cancellation.status !== 'approved')
    return { ...askVoid(cancellation, operation), data: { declineCode: declineCode! } };
  payments.record(operation.id, {
    status: 'declined',
    declineCode: declineCode ?? undefined,
    detail: operation.detail ?? undefined,
    mayTryAnotherCard,
  });
  return afterDecline(checkout, payments.find(operation.kind)!);
}

/** The stock stays reserved for another card, or the order ends. */
function afterDecline(checkout: Checkout, operation: PaymentOperation): StepOutcome {
  const { order, stock } = checkout;
  const attemptsLeft = operation.mayTryAnotherCard ? attemptsLeftOf(order) : 0;
  if (attemptsLeft === 0) return declined('payment_declined', reasonOf(operation));
  const facts = {
    paymentAttempt: order.paymentAttempt,
    attemptsLeft,
    declineCode: operation.declineCode ?? '',
  };
  const retryUntil = stock.holdFor(order.onDecline!.holdSeconds);
  if (retryUntil)
    checkout.announce('order.payment_declined', { ...facts, retryUntil: retryUntil.toISOString() });
  const { held } = stock;
  if (held === 'released') return released();
  if (held === 'expired') return declined('payment_declined', reasonOf(operation));
  const reason: Reason = {
    code: 'another_card_awaited',
    data: { ...factsOf(operation), ...facts },
    why: `declined (${operation.declineCode}); the stock is held for another card`,
  };
  return { kind: 'wait', until: held.until, reason };
}

/** How many more cards the buyer may try if the present one is declined. */
export const attemptsLeftOf = ({
  onDecline,
  paymentAttempt,
}: Pick<Checkout['order'], 'onDecline' | 'paymentAttempt'>): number =>
  Math.max(0, (onDecline?.attemptsMax ?? 1) - paymentAttempt);

/**
 * Voids an authorization, refunds a charge. If its result is unknown, asks for it again first, under the same key. An intent that
 * waits for the buyer is voided too: until the provider confirms that, the buyer may still confirm it.
 */
export function undoPayment(checkout: Checkout, kind: Kind): StepOutcome {
  const { payments, heard } = checkout;
  const operation = payments.find(kind);
  if (!operation || endedWithoutMoney.includes(operation.status))
    return done('nothing_to_undo', operation && factsOf(operation));
  const { status, waitsFor, declineCode } = operation;
  const isOpen = status === 'pending' && (waitsFor === 'buyer' || declineCode !== null);
  if (status !== 'approved' && !isOpen) {
    // guard: unheard-authorization-is-asked
    return { kind: 'ask', operation };
  }
  // Of a charge that the bank approved in part, what was taken.
  if (status === 'approved' && kind === 'charge')
    return refund(checkout, { of: operation, amount: operation.reported?.amount });
  const cancellation = payments.findOrCreate('void');
  if (cancellation.status === 'declined')
    return isOpen && heard !== operation.id ? { kind: 'ask', operation } : voidDeclined(cancellation);
  if (cancellation.status !== 'approved') return askVoid(cancellation, operation);
  if (isOpen) payments.record(operation.id, { status: 'declined', declineCode: codeOfUndone(operation) });
  return done('payment_voided', factsOf(cancellation));
}

/** An order that is cancelled while its buyer acts was not declined. */
const codeOfUndone = ({ declineCode, actionExpiresAt }: PaymentOperation): string | undefined =>
  declineCode ?? (actionExpiresAt === null ? 'authentication_required' : undefined);

const askVoid = (cancellation: PaymentOperation, { providerReference }: PaymentOperation) => ({
  kind: 'ask' as const,
  operation: cancellation,
  authorization: providerReference ?? undefined,
});

const voidDeclined = (cancellation: PaymentOperation): StepOutcome =>
  blocked({
    code: 'void_declined',
    data: factsOf(cancellation),
    why: `the void was declined: ${cancellation.declineCode}`,
  });

function reasonOf(operation: PaymentOperation): Reason {
  const { declineCode, reported } = operation;
  const data = { ...factsOf(operation), ...(reported && { said: reported }) };
  if (declineCode === 'partial_authorization')
    return { code: declineCode, data, why: operation.detail ?? 'the bank authorized less than the total' };
  if (declineCode === 'action_expired')
    return { code: declineCode, data, why: 'the buyer did not authenticate in time' };
  const code = operation.kind === 'charge' ? 'charge_declined' : 'authorization_declined';
  return { code, data, why: declineCode ?? 'declined' };
}

/** Never sent, refused, or replaced after a search had found nothing. */
const endedWithoutMoney: readonly string[] = ['created', 'declined', 'failed'];
