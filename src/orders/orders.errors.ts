import { parsePublicId } from '../ids';
import { refusal } from '../errors';

export const orderNotFound = refusal(404, 'order_not_found', 'There is no such order');
export const paymentDeclined = refusal(402, 'payment_declined', 'The payment was declined');
export const orderCancelled = refusal(409, 'order_cancelled', 'The order was cancelled before it was placed');
export const orderAlreadyRejected = refusal(
  409,
  'order_already_rejected',
  'The order was rejected; there is nothing left to undo',
);
export const orderNotPlaced = refusal(409, 'order_not_placed', 'The order is not placed');
export const orderShipped = refusal(
  409,
  'order_shipped',
  'Goods of the order have left, so it cannot be undone as a whole',
);
/** Facts: `captured`, `refunded`, `pending`, `left`. */
export const moreThanCaptured = refusal(409, 'more_than_captured', 'More than is left of what was captured');
export const captureFirst = refusal(
  409,
  'capture_first',
  'A part of the order can ship only after its payment was captured',
);
export const nothingToCapture = refusal(409, 'nothing_to_capture', 'There is nothing left to capture');
export const authorizationExpired = refusal(
  409,
  'authorization_expired',
  'The authorization of the payment has ended',
);
export const orderAbandoned = refusal(
  409,
  'order_abandoned',
  'The order was given up before its payment was known',
);
export const paymentDisputed = refusal(
  409,
  'payment_disputed',
  'The payment is disputed; a refund would pay the buyer twice',
);
export const noActionRequired = refusal(
  404,
  'no_action_required',
  'The buyer has nothing to do for this order',
);
export const orderNotPending = refusal(
  409,
  'order_not_pending',
  'Only a pending order can be paid with another card',
);
export const paymentInProgress = refusal(409, 'payment_in_progress', 'A payment of this order is under way');
export const paymentAttemptsSpent = refusal(
  409,
  'payment_attempts_spent',
  'No other card may be tried for this order',
);
export const sagaSettled = refusal(409, 'saga_settled', 'The saga has nothing left to do');
export const sagaDriven = refusal(409, 'saga_driven', 'A worker drives the saga at this moment', {
  retryable: true,
});
export const sagaGoesBack = refusal(409, 'saga_goes_back', 'The saga is being compensated already');
export const sagaNotStuck = refusal(409, 'saga_not_stuck', 'The saga is not stuck');

export const noSuchOrder = () =>
  orderNotFound('None of your orders has this id. Check it against your list of orders.');

export const disputed = () =>
  paymentDisputed(
    'The buyer’s bank has opened a dispute and has taken the money, or has decided against you. Answer the dispute at the payment provider; once it is won, refund or cancel again.',
  );

/** A malformed id is not found. */
export function orderIdOf(text: string): string {
  const id = parsePublicId('ord', text);
  if (!id) throw noSuchOrder();
  return id;
}
