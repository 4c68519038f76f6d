import type { Tx } from '../../database/database';
import type { HoldfastError } from '../../errors';
import { reservationLimitReached } from '../inventory.errors';
import type { Product } from '../products/products.repository';
import { countLiveOfCustomers } from './reservations.repository';
import type { ReservationRequest } from './reservation-request';
import type { Limits, StockDemand } from '../stock/stock-levels.repository';

/**
 * How many live reservations of a SKU one customer may hold. Exact under concurrency without its own row: it is
 * counted while we hold the SKU's stock row, so no other transaction can add to the count. (Of a SKU with several rows it is
 * the customer's own that we hold, whichever gave the units: `wayThroughPools`.)
 */
export class CustomerLimits implements Limits {
  private constructor(
    private readonly limited: { nth: number; sku: string; customerId: string; max: number }[],
    private readonly held: Map<string, number>,
  ) {}

  /** The caller holds the stock rows of all these demands. */
  static async count(
    tx: Tx,
    checkouts: { request: Pick<ReservationRequest, 'customerId'>; demands: Pick<StockDemand, 'sku'>[] }[],
    products: Map<string, Product>,
  ): Promise<CustomerLimits> {
    const limited = checkouts.flatMap(({ request, demands }, nth) =>
      demands.flatMap(({ sku }) => {
        const max = products.get(sku)!.reservationsPerCustomerMax;
        return max === null ? [] : [{ nth, sku, customerId: request.customerId, max }];
      }),
    );
    const counts = limited.length > 0 ? await countLiveOfCustomers(tx, limited) : [];
    return new CustomerLimits(limited, new Map(limited.map((pair, place) => [keyOf(pair), counts[place]!])));
  }

  allow(nth: number): boolean {
    return this.exceeded(nth) === undefined;
  }

  /** Counts an accepted checkout of this batch for the ones after it. */
  taken(nth: number): void {
    for (const pair of this.limited) {
      if (pair.nth === nth) this.held.set(keyOf(pair), this.held.get(keyOf(pair))! + 1);
    }
  }

  refusal(nth: number): HoldfastError {
    const { sku, customerId, max } = this.exceeded(nth)!;
    return reservationLimitReached(
      `Customer ${customerId} holds ${max} of at most ${max} reservations of ${sku}. End one of them first.`,
      { sku, reservationsPerCustomerMax: max },
    );
  }

  private exceeded(nth: number) {
    return this.limited.find((pair) => pair.nth === nth && this.held.get(keyOf(pair))! >= pair.max);
  }
}

const keyOf = ({ sku, customerId }: { sku: string; customerId: string }) => `${sku}\n${customerId}`;
