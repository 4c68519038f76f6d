import { money } from '../http/responses';
import { publicId } from '../ids';
import { isSettled } from '../payment/order-money';
import type { Order, OrderRefund } from './shown-orders.repository';

/** What became of an order's goods, as the API shows it. */

export type Fulfilment = 'none' | 'partial' | 'shipped';

/** What has left of the sold units. `shipped`: nothing is left to ship, though some may have been given back. */
export function fulfilmentOf({ units: { shipped, left } }: Order): Fulfilment {
  if (shipped === 0) return 'none';
  return left === 0 ? 'shipped' : 'partial';
}

/** Oldest first, as the API shows them. */
export const shipmentsView = ({ shipments }: Order) =>
  shipments.map(({ id, createdAt, ...shipment }) => ({
    id: publicId('shp', id),
    ...shipment,
    createdAt: new Date(createdAt).toISOString(),
  }));

type RefundStatus = 'pending' | 'succeeded' | 'failed';

/** Refunds in part, oldest first. A refund of the whole order is in `payment` alone. */
export const refundsView = (order: Order) =>
  order.refunds.map((refund) => ({
    id: publicId('rfd', refund.id),
    amount: money(refund.amount, order.currency),
    lines: refund.lines?.map(({ sku, quantity, restock }) => ({ sku, quantity, restock })) ?? null,
    status: statusOf(refund, order),
    reason: refund.reason,
    createdAt: new Date(refund.createdAt).toISOString(),
  }));

/** As the provider said last, until it says so; `failed` also when an operator gave it up. */
function statusOf({ id, status, amount }: OrderRefund, { operations, facts }: Order): RefundStatus {
  if (status === 'failed') return 'failed';
  if (status !== 'done') return 'pending';
  const newest = operations.findLast(({ taskId }) => taskId === id);
  if (amount === 0 || newest?.status === 'approved') return 'succeeded';
  if (newest?.status !== 'failed') return 'pending';
  return isSettled(newest, facts) ? 'succeeded' : 'failed';
}
