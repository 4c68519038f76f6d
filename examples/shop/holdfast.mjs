import { Holdfast, HoldfastProblem, OutcomeUnknown } from '../../packages/client/dist/client.js';

const { HOLDFAST_URL: url = 'http://127.0.0.1:3000', HOLDFAST_KEY: apiKey = 'hf_dev_client' } = process.env;

/** It sends the same key until there is a clear answer; a buyer waits half a minute at most. */
export const holdfast = new Holdfast({ url, apiKey, deadlineMs: 30_000 });

/** What the page shows next. Every answer and every refusal leads to one of these. */
export async function nextStep(asked) {
  try {
    return stepOf(await asked);
  } catch (error) {
    if (error instanceof OutcomeUnknown) return error.order ? stepOf(error.order) : { step: 'unknown' };
    if (!(error instanceof HoldfastProblem)) throw error;
    return steps[error.code]?.(error) ?? { step: 'failed', code: error.code, detail: error.detail };
  }
}

const ended = ({ order }) => ({ step: 'ended', orderId: order?.id });
/** The order has gone on meanwhile, perhaps to a good end: the page reads it. */
const wait = () => ({ step: 'wait' });
/** What is not here is our own mistake, or a limit of the shop: the buyer cannot cure it, so tell a developer. */
const steps = {
  insufficient_stock: ({ shortfalls }) => ({ step: 'sold_out', shortfalls }),
  total_changed: ({ total }) => ({ step: 'price_changed', total }),
  not_on_sale: ({ startsInSeconds }) => ({ step: 'not_on_sale', startsInSeconds }),
  units_per_customer_exceeded: ({ unitsPerCustomerMax: unitsMax }) => ({ step: 'enough', unitsMax }),
  ...{ reservation_expired: ended, order_cancelled: ended, order_abandoned: ended },
  ...{ payment_attempts_spent: wait, order_not_pending: wait, payment_in_progress: wait },
};

function stepOf({ id: orderId, status, total, payment }) {
  const { declineCode, retryUntil, retryInSeconds: seconds } = payment;
  if (status === 'placed') return { step: 'thanks', orderId, total };
  if (status !== 'pending') return { step: 'ended', orderId, declineCode };
  if (payment.status === 'requires_action') return { step: 'authenticate', orderId };
  if (retryUntil === null) return { step: 'wait', orderId };
  return { step: 'another_card', orderId, attempt: payment.attempts + 1, declineCode, seconds };
}
