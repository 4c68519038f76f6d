import { randomUUID } from 'node:crypto';
import type { Answer } from '../../test/support/http-client';
import type { Shop } from '../../test/support/shop';

export interface Purchase {
  key: string;
  /** A customer of its own, so that what was made for it can be found whatever was answered. */
  customerId: string;
  sku: string;
  quantity: number;
  paymentMethod: string;
  ttlSeconds?: number;
  /** Tries that nobody answered, or that were answered with "come again". */
  unheard: number;
  /** How long the slowest of its answers took. */
  slowestMs: number;
  /** The first answer that says anything; undefined while there is none. */
  answer?: Answer;
  /** Every order id that any answer to this key has named. */
  orderIds: Set<string>;
  /** The client asked for it to be cancelled or refunded. */
  cancelled: boolean;
}

/** What the buyers were told, kept by themselves: the witness for "acknowledged means done". */
export class ClientLog {
  readonly purchases: Purchase[] = [];
  /** What buyers were told who were to come again. */
  readonly putOff: Answer[] = [];
  /** SKU → units there are. */
  readonly stock = new Map<string, number>();

  begin(wanted: Pick<Purchase, 'sku' | 'quantity' | 'paymentMethod' | 'ttlSeconds'>): Purchase {
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

  /** Where the buyers' memory and the shop's books differ, a line for each. */
  async findings(shop: Shop): Promise<string[]> {
    const orders = new Map<string, any[]>();
    for (const order of await shop.all('/v1/admin/orders'))
      orders.set(order.customerId, [...(orders.get(order.customerId) ?? []), order]);
    return [
      ...this.purchases.flatMap((purchase) => disagreements(purchase, orders.get(purchase.customerId) ?? [])),
      ...[...this.stock].flatMap(([sku, units]) => this.soldBeyond(sku, units)),
      // Whatever is down, the service knows that it is: it says "come again", and never that it does not know.
      ...this.putOff
        .filter(({ status }) => status !== 503 && status !== 429)
        .map(({ status, text }) => `client log: a buyer was told ${status} ${text}`),
    ];
  }

  private soldBeyond(sku: string, units: number): string[] {
    const told = this.purchases.filter(
      (purchase) => purchase.sku === sku && wasPlaced(purchase) && !purchase.cancelled,
    );
    const sold = told.reduce((sum, { quantity }) => sum + quantity, 0);
    return sold > units
      ? [`buyers were told that ${sold} of ${sku} are theirs, and there were ${units}`]
      : [];
  }
}

const wasPlaced = ({ answer }: Purchase): boolean => answer?.status === 201;

function disagreements(purchase: Purchase, orders: any[]): string[] {
  const { key, answer, orderIds, cancelled } = purchase;
  const of = (what: string) => `client log: the purchase under key ${key} ${what}`;
  const [order] = orders;
  if (orders.length > 1) return [of(`made ${orders.length} orders`)];
  if (orderIds.size > 1) return [of(`was told of several orders: ${[...orderIds].join(', ')}`)];
  const [told] = orderIds;
  if (told !== undefined && order?.id !== told) return [of(`was told of order ${told}, which is not there`)];
  if (answer !== undefined && told === undefined && order !== undefined)
    return [of(`was refused (${answer.status} ${answer.body?.code}), and made order ${order.id}`)];

  const placed = cancelled ? ['placed', 'cancelled', 'refunded'] : ['placed'];
  if (wasPlaced(purchase) && !placed.includes(order.status))
    return [of(`was told that it is placed, and it is ${order.status}`)];
  const rejected = told !== undefined && answer !== undefined && answer.status >= 400;
  if (rejected && order.status !== 'rejected')
    return [of(`was told ${answer.body?.code}, and it is ${order.status}`)];
  return [];
}
