import type { Database, Isolation, Tx } from '../../../database/database';
import type { StockDemand, StockGrant } from '../../stock/stock-levels.repository';

/**
 * How the units of a SKU are taken when several buyers want them at once. One file each, chosen per SKU, and all
 * bound by one conformance suite (`test/integration/strategies.spec.ts`).
 *
 * Every strategy writes the same rows, so a SKU may change its strategy while it is being sold.
 */
export interface StockStrategy {
  readonly name: string;

  /**
   * For a strategy that needs something before the transaction begins or after it has ended: runs one single request,
   * by `run`, which begins the transaction. It may run it again after a failure.
   */
  around?<T>(request: SurroundedRequest, run: (added: Surroundings) => Promise<T>): Promise<T>;

  /**
   * Takes what the demands of one request ask for, in the order given: ascending by SKU, none twice. It must leave the stock
   * rows locked, because limits per customer are counted under them, and must also work without `around`: the SKU may have
   * got this strategy after the request arrived.
   *
   * Grants are in the same order. When any of them is "not taken" the caller rolls the transaction back, so a strategy
   * may leave the others half done; but it answers every demand, because a buyer gets all shortages at once.
   */
  take(tx: Tx, demands: StockDemand[], taker: Taker): Promise<StockGrant[]>;
}

export interface SurroundedRequest {
  db: Database;
  /** The request's SKUs that have this strategy. */
  skus: string[];
  onConflict: (sku: string) => void;
}

/** What `around` adds to the transaction of its request. */
export interface Surroundings {
  isolation?: Isolation;
  /** Per SKU, the fencing token of its row in `leases`, for the strategy's `take`. */
  leaseTokens?: ReadonlyMap<string, number>;
}

/** For whom stock is taken. */
export interface Taker {
  reservationId: string;
  leaseTokens?: ReadonlyMap<string, number>;
  /** Reports an attempt that failed because of a concurrent one. */
  onConflict: (sku: string) => void;
}
