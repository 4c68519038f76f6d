import type { Database, Isolation, Tx } from '../../../database/database';
import { StockDemand, StockGrant } from '../../stock/stock-grants';

export type { Isolation };

/**
 * How the units of a SKU are taken when several buyers want them at once. One file each, chosen per SKU, and all
 * bound by one conformance suite (`test/integration/strategies.spec.ts`).
 *
 * Every strategy writes the same rows, so a SKU may change its strategy while buyers are at the door.
 */
export interface StockStrategy {
  readonly name: string;

  /** What its transaction must be begun as; without it READ COMMITTED. */
  readonly isolation?: Isolation;

  /** Gets what must be held before the transaction begins, for the SKUs that are taken by this strategy. */
  enter?(db: Database, skus: string[]): Promise<Entered>;

  /**
   * Takes what the demands of one checkout ask for, in the order given: ascending by SKU, none twice.
   *
   * The answers stand in the same order. When any of them is "not taken" the caller rolls the transaction back, so a
   * strategy may leave the others half done; but it answers every demand, because a buyer is told all shortages at once.
   */
  take(tx: Tx, demands: StockDemand[], taker: Taker): Promise<StockGrant[]>;
}

/** For whom stock is taken. */
export interface Taker {
  reservationId: string;
  /** What the request got by `enter`. */
  entered?: Entered;
}

/** What a request holds outside its transaction: a fencing token per SKU. */
export interface Entered {
  tokens: ReadonlyMap<string, number>;
  /** Gives it back, when the transaction has ended. */
  leave(): Promise<void>;
}
