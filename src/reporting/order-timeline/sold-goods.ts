import type { Queryable } from '../../database/database';
import { type Money, money } from '../../http/responses';
import type { Order } from '../../orders/shown-orders.repository';
import { paymentView } from '../../orders/payment-view';
import { moneyOf } from '../../payment/order-money';

/** What became of the units of one SKU of an order. */
export interface SoldUnits {
  sku: string;
  quantity: number;
  shipped: number;
  /** Not shipped, and on sale again. */
  givenBack: number;
  /** Shipped, and back. */
  returned: number;
}

/** Of its present reservation, by SKU: the units of one SKU may come from several pools. */
export const soldUnitsOf = (queryable: Queryable, reservationId: string): Promise<SoldUnits[]> =>
  queryable.rows<SoldUnits>(
    `
    SELECT sku, sum(quantity)::bigint AS quantity, sum(shipped)::bigint AS shipped, sum(given_back)::bigint AS "givenBack",
           sum(returned)::bigint AS returned
      FROM reservation_lines
     WHERE reservation_id = $1::uuid
     GROUP BY sku
     ORDER BY sku
    `,
    [reservationId],
  );

export interface GoodsView extends SoldUnits {
  unitPrice: Money;
  /** What can still ship. */
  left: number;
}

/** The goods of an order. Nothing can ship before it is placed, and what waits for its capture is on its way already. */
export function goodsView(order: Order, sold: readonly SoldUnits[]): GoodsView[] {
  const waiting = order.shipments.filter(({ status }) => status === 'pending').flatMap(({ lines }) => lines);
  return sold.map((units) => {
    const { sku, quantity, shipped, givenBack } = units;
    const price = order.lines.find((line) => line.sku === sku)!.unitAmount;
    const onTheWay = waiting.filter((line) => line.sku === sku).reduce((sum, line) => sum + line.quantity, 0);
    const left = order.status === 'placed' ? Math.max(0, quantity - shipped - givenBack - onTheWay) : 0;
    return { ...units, unitPrice: money(price, order.currency), left };
  });
}

/** What can be refunded of an order that is placed, by the same sums that refuse more. */
export function refundableOf({ status, operations, facts, currency }: Order) {
  const { captured, refunded, promised } = moneyOf(operations, facts);
  return {
    captured: money(captured, currency),
    refunded: money(refunded, currency),
    pending: money(promised - refunded, currency),
    left: money(status === 'placed' ? Math.max(0, captured - promised) : 0, currency),
  };
}

/** What an operator can do after the sale. The calls themselves look again, under the lock. */
export function afterSaleActs(order: Order, goods: readonly GoodsView[]) {
  const { status } = paymentView(order);
  const isPlaced = order.status === 'placed' && order.saga.status === 'completed';
  const isCapturing = order.operations.some(
    (one) => one.kind === 'capture' && ['created', 'sent', 'unknown', 'pending'].includes(one.status),
  );
  const isHeld = order.capture === 'on_shipment' && status === 'authorized';
  return {
    // What was set aside may have ended; while it is being captured, its goods wait for that.
    ship: isPlaced && goods.some(({ left }) => left > 0) && status !== 'voided' && !isCapturing,
    refund: isPlaced && refundableOf(order).left.amount > 0,
    capture: isPlaced && isHeld && !isCapturing,
  };
}
