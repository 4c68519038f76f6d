import type { Tx } from '../../database/database';
import { HoldfastError, unavailable } from '../../errors';
import { noSuchOrder, orderNotPlaced } from '../orders.errors';
import { type OrderFacts, orderFactsOf } from '../orders.repository';
import type { Saga } from '../saga-state';
import { codeVersion } from './code-version';
import { lockSaga } from './saga.repository';

/**
 * A placed order with its saga's row locked, for what happens after the sale. Throws when the order is not placed. Whatever
 * cancels, refunds or ships it takes this lock first, so one of them wins and the others are refused. `refunded`: what becomes
 * of an order that was refunded, `not_placed` if left out.
 */
export async function lockPlaced(
  tx: Tx,
  orderId: string,
  { refunded }: { refunded?: HoldfastError | 'accepted' } = {},
): Promise<{ saga: Saga; order: OrderFacts }> {
  // guard: order-is-locked-first
  const saga = await lockSaga(tx, orderId);
  if (!saga) throw noSuchOrder();
  if (saga.codeVersion > codeVersion)
    throw unavailable('A newer version of this service drives the order. Ask again in a second.');
  const [order] = await orderFactsOf(tx, [orderId]);
  const isRefunded = order!.status === 'refunded';
  if (isRefunded && refunded instanceof HoldfastError) throw refunded;
  if (saga.status !== 'completed' && !(isRefunded && refunded === 'accepted')) throw notPlaced(order!, saga);
  return { saga, order: order! };
}

function notPlaced({ status }: OrderFacts, { endsAs, requestedEnd }: Saga) {
  if (endsAs || requestedEnd)
    return orderNotPlaced('The order was cancelled or refunded, or is being so. Its goods stay here.');
  return status === 'pending'
    ? orderNotPlaced('The order is still being charged. Wait until it is placed.').forNow()
    : orderNotPlaced(`It is ${status}.`);
}

/**
 * Leaves the order to builds that know what became of its goods and of parts of its money: an earlier one would give back
 * and refund all of them. The caller holds the saga's row lock.
 */
export async function keepFromOlderBuilds(tx: Tx, saga: Saga): Promise<void> {
  if (saga.codeVersion >= codeVersion) return;
  await tx.affected(`UPDATE sagas SET code_version = $2::int WHERE order_id = $1::uuid`, [
    saga.orderId,
    codeVersion,
  ]);
}
