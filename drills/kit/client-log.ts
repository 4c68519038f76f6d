import { randomUUID } from 'node:crypto';
import type { Answer } from '../../test/support/http-client';
import type { Shop } from '../../test/support/shop';

export interface Purchase {
  key: string;
  /** A separate customer, so that its orders are found even without a response. */
  customerId: string;
  sku: string;
  quantity: number;
  paymentMethod: string;
  ttlSeconds?: number;
  onDecline?: { holdSeconds: number; attemptsMax: number };
  capture?: string;
  /** Attempts without an answer, or answered with 429 or 5xx. */
  unheard: number;
  /** Duration of the slowest response. */
  slowestMs: number;
  /** The first definite response; undefined while there is none. */
  answer?: Answer;
  /** Every order id in responses to this key. */
  orderIds: Set<string>;
  /** The client requested its cancellation or refund. */
  cancelled: boolean;
}

/** The responses that buyers logged: the proof that acknowledged work is done. */
export class ClientLog {
  readonly purchases: Purchase[] = [];
  /** Responses that asked buyers to retry. */
  readonly putOff: Answer[] = [];
  /** SKU → units on hand. */
  readonly stock = new Map<string, number>();

  begin(
    wanted: Pick<Purchase, 'sku' | 'quantity' | 'paymentMethod' | 'ttlSeconds' | 'onDecline' | 'capture'>,
  ): Purchase {
    const purchase: Purchase = {
      ...wanted,
      key: randomUUID(),
      customerId: `cus_${randomUUID()}`,
      unheard: 0,
      slowestMs: 0,
      orderIds: new Set(),
      cancelled: false,
    };
    this.purchases.push(purchase);
    return purchase;
  }

  /** Differences between the buyers' log and the shop's records, one line each. */
  async findings(shop: Shop): Promise<string[]> {
    const orders = new Map<string, any[]>();
    for (const order of await shop.all('/v1/admin/orders'))
      orders.set(order.customerId, [...(orders.get(order.customerId) ?? []), order]);
    return [
      ...this.purchases.flatMap((purchase) => disagreements(purchase, orders.get(purchase.customerId) ?? [])),
      ...[...this.stock].flatMap(([sku, units]) => this.soldBeyond(sku, units)),
      // During any outage the service answers 503 or 429, never 500.
      ...this.putOff
        .filter(({ status }) => status !== 503 && status !== 429)
        .map(({ status, text }) => `client log: a buyer got ${status} ${text}`),
    ];
  }

  private soldBeyond(sku: string, units: number): string[] {
    const placed = this.purchases.filter(
      (purchase) => purchase.sku === sku && wasPlaced(purchase) && !purchase.cancelled,
    );
    const sold = placed.reduce((sum, { quantity }) => sum + quantity, 0);
    return sold > units ? [`buyers received ${sold} of ${sku}, of which there were ${units}`] : [];
  }
}

const wasPlaced = ({ answer }: Purchase): boolean => answer?.status === 201;

function disagreements(purchase: Purchase, orders: any[]): string[] {
  const { key, answer, orderIds, cancelled } = purchase;
  const of = (what: string) => `client log: the purchase under key ${key} ${what}`;
  const [order] = orders;
  if (orders.length > 1) return [of(`made ${orders.length} orders`)];
  if (orderIds.size > 1) return [of(`was answered with several orders: ${[...orderIds].join(', ')}`)];
  const [orderId] = orderIds;
  if (orderId !== undefined && order?.id !== orderId)
    return [of(`was answered with order ${orderId}, which does not exist`)];
  if (answer !== undefined && orderId === undefined && order !== undefined)
    return [of(`was refused (${answer.status} ${answer.body?.code}), but made order ${order.id}`)];

  const placed = cancelled ? ['placed', 'cancelled', 'refunded'] : ['placed'];
  if (wasPlaced(purchase) && !placed.includes(order.status))
    return [of(`got the response that it is placed, but it is ${order.status}`)];
  const rejected = orderId !== undefined && answer !== undefined && answer.status >= 400;
  if (rejected && order.status !== 'rejected')
    return [of(`got ${answer.body?.code}, but it is ${order.status}`)];
  return [];
}
