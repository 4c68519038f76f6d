import type { Tx } from '../../database/database';
import { LostRace } from '../../database/pg-errors';
import type { HoldfastError } from '../../errors';
import { reservationLimitReached, unitsPerCustomerExceeded } from '../inventory.errors';
import type { Product } from '../products/products.repository';
import type { Limits } from '../stock/stock-levels.repository';
import { type CustomerOfSku, type Holding, countHoldings } from './customer-holdings.repository';

/** What one request takes of a SKU. */
interface Taking {
  sku: string;
  quantity: number;
  /** The units join a line that the customer's reservation has already. */
  joins?: boolean;
}

interface Limited extends CustomerOfSku, Taking {
  nth: number;
  reservationsMax: number | null;
  unitsMax: number | null;
}

export const limitsCustomers = (
  product: Pick<Product, 'reservationsPerCustomerMax' | 'unitsPerCustomerMax'>,
) => product.reservationsPerCustomerMax !== null || product.unitsPerCustomerMax !== null;

/**
 * How many live reservations of a SKU one customer may hold, and how many units they may hold and have bought. Exact under
 * concurrency without a row for the customer: it is counted while we hold the SKU's stock row, so no other transaction can
 * add to the count. (Of a SKU with several rows it is the customer's own that we hold, whichever gave the units:
 * `wayThroughPools`.)
 */
export class CustomerLimits implements Limits {
  private constructor(
    private readonly limited: Limited[],
    private readonly reservations: Map<string, number>,
    private readonly units: Map<string, Pick<Holding, 'held' | 'bought'>>,
  ) {}

  /** The caller holds the stock rows of all these takings. */
  static async count(
    tx: Tx,
    checkouts: { request: Omit<CustomerOfSku, 'sku'>; demands: Taking[] }[],
    products: Map<string, Product>,
  ): Promise<CustomerLimits> {
    const limited = checkouts.flatMap(({ request: { principal, customerId }, demands }, nth) =>
      demands.flatMap(({ sku, quantity, joins }): Limited[] => {
        const product = products.get(sku)!;
        if (!limitsCustomers(product)) return [];
        const { reservationsPerCustomerMax, unitsPerCustomerMax: unitsMax } = product;
        const reservationsMax = joins ? null : reservationsPerCustomerMax;
        return [{ nth, sku, quantity, principal, customerId, reservationsMax, unitsMax }];
      }),
    );
    const holdings = limited.length > 0 ? await countHoldings(tx, limited) : [];
    // Another list of pools would be another row to hold, and this transaction read its products before it had a lock.
    const changed = limited.find(({ sku }, place) => holdings[place]!.version !== products.get(sku)!.version);
    if (changed) throw new LostRace(`The product ${changed.sku} has changed.`);
    return new CustomerLimits(
      limited,
      new Map(limited.map((one, place) => [customerKey(one), holdings[place]!.reservations])),
      new Map(
        limited.map((one, place) => {
          const { held, bought } = holdings[place]!;
          return [unitsKey(one), { held, bought }];
        }),
      ),
    );
  }

  allow(nth: number): boolean {
    return this.exceeded(nth) === undefined;
  }

  /** Counts an accepted checkout of this batch for the ones after it. */
  taken(nth: number): void {
    for (const one of this.limited.filter((other) => other.nth === nth)) {
      this.reservations.set(customerKey(one), this.reservations.get(customerKey(one))! + 1);
      this.units.get(unitsKey(one))!.held += one.quantity;
    }
  }

  refusal(nth: number): HoldfastError {
    const exceeded = this.exceeded(nth)!;
    const { sku, customerId, quantity, reservationsMax: max, unitsMax } = exceeded;
    if (this.hasTooManyReservations(exceeded)) {
      return reservationLimitReached(
        `Customer ${customerId} holds ${max} of at most ${max} reservations of ${sku}. End one of them first.`,
        { sku, reservationsPerCustomerMax: max },
      );
    }
    const { held, bought } = this.units.get(unitsKey(exceeded))!;
    return unitsPerCustomerExceeded(
      `Customer ${customerId} may have ${unitsMax} units of ${sku}, holds ${held}, has bought ${bought} and asked for ${quantity} more. Lower the quantity, end a reservation, or return what was bought.`,
      { sku, unitsPerCustomerMax: unitsMax, held, bought },
    );
  }

  private exceeded(nth: number): Limited | undefined {
    return this.limited.find(
      (one) => one.nth === nth && (this.hasTooManyReservations(one) || this.wouldHaveTooManyUnits(one)),
    );
  }

  private hasTooManyReservations(one: Limited): boolean {
    return one.reservationsMax !== null && this.reservations.get(customerKey(one))! >= one.reservationsMax;
  }

  private wouldHaveTooManyUnits(one: Limited): boolean {
    const { held, bought } = this.units.get(unitsKey(one))!;
    return one.unitsMax !== null && held + bought + one.quantity > one.unitsMax;
  }
}

const customerKey = ({ sku, customerId }: CustomerOfSku) => `${sku}\n${customerId}`;
const unitsKey = (one: CustomerOfSku) => `${customerKey(one)}\n${one.principal}`;
