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
  title: 'The order was rejected and has nothing left to give back',
});
export const orderNotPlaced = refusal({
  code: 'order_not_placed',
  status: 409,
  title: 'Only a placed order can be refunded',
});
