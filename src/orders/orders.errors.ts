import { parsePublicId } from '../ids';
import { refusal } from '../errors';

export const orderNotFound = refusal({
  code: 'order_not_found',
  status: 404,
  title: 'There is no such order',
});
export const paymentDeclined = refusal({
  code: 'payment_declined',
  status: 402,
  title: 'The payment was declined',
});
export const orderCancelled = refusal({
  code: 'order_cancelled',
  status: 409,
  title: 'The order was cancelled before it was placed',
});
export const orderAlreadyRejected = refusal({
  code: 'order_already_rejected',
  status: 409,
  title: 'The order was rejected; there is nothing left to undo',
});
export const orderNotPlaced = refusal({
  code: 'order_not_placed',
  status: 409,
  title: 'Only a placed order can be refunded',
});
export const orderAbandoned = refusal({
  code: 'order_abandoned',
  status: 409,
  title: 'The order was given up before its payment was known',
});
export const sagaSettled = refusal({
  code: 'saga_settled',
  status: 409,
  title: 'The saga has nothing left to do',
});
export const sagaDriven = refusal({
  code: 'saga_driven',
  status: 409,
  title: 'A worker drives the saga at this moment',
  retryable: true,
});
export const sagaGoesBack = refusal({
  code: 'saga_goes_back',
  status: 409,
  title: 'The saga is being compensated already',
});
export const sagaNotStuck = refusal({
  code: 'saga_not_stuck',
  status: 409,
  title: 'The saga is not stuck',
});

export const noSuchOrder = () =>
  orderNotFound('None of your orders has this id. Check it against your list of orders.');

/** A malformed id is not found. */
export function orderIdOf(text: string): string {
  const id = parsePublicId('ord', text);
  if (!id) throw noSuchOrder();
  return id;
}
