import type { Money } from './common';
import type { Returning } from './reservations';

/** `GET products`, `GET products/{sku}` (with `ETag`), and `product` in the topic `product:{sku}`. */
export interface Product {
  object: 'product';
  sku: string;
  name: string;
  unitPrice: Money;
  strategy: string;
  /** Null unless there are several. */
  pools: string[] | null;
  quantityPerOrderMax: number | null;
  reservationsPerCustomerMax: number | null;
  stock: ProductStock;
  version: number;
}

export interface Stock {
  onHand: number;
  /** confirmed + pinned + active */
  reserved: number;
  confirmed: number;
  pinned: number;
  active: number;
  available: number;
}

export interface ProductStock extends Stock {
  byPool: ({ pool: string } & Stock)[];
}

/** The value of the topic `product:{sku}`. */
export interface ProductMessage {
  object: 'product_message';
  at: string;
  product: Product;
  returning: Returning;
}

/**
 * `PUT products/{sku}` with `If-Match`: answers the `Product` with its new `ETag`. The whole product is sent, without its
 * stock; `onHand` only at creation. `reason` may be left out.
 */
export interface ProductEdit {
  name: string;
  unitPrice: Money;
  strategy?: string;
  pools?: string[];
  quantityPerOrderMax?: number;
  reservationsPerCustomerMax?: number;
  onHand?: number;
  reason?: string;
}

/** Members of the 412 `precondition_failed` of a product's edit. */
export interface ProductConflict {
  /** Send this as `If-Match` with the choice. */
  currentEtag: string;
  /** The product as it is now. */
  now: Product;
  /** What was sent, in the same words as `now`; only the fields that can be edited. */
  yours: Pick<
    Product,
    'name' | 'unitPrice' | 'strategy' | 'pools' | 'quantityPerOrderMax' | 'reservationsPerCustomerMax'
  >;
  /** Who made `now`, and when. */
  changedBy: string | null;
  changedAt: string | null;
  changedSecondsAgo: number | null;
}

/** `POST products/{sku}/adjustments` `{delta, reason}` answers it; 409 `below_reserved` carries `onHand, reserved, available`. */
export interface StockNow {
  sku: string;
  onHand: number;
  reserved: number;
  available: number;
}

/** `GET products/{sku}/movements`: a page, newest first. */
export interface Movement {
  object: 'movement';
  sku: string;
  pool: string;
  kind: 'receive' | 'adjust' | 'ship' | 'return' | 'transfer';
  delta: number;
  /** In this pool. */
  onHandAfter: number;
  reason: string;
  actor: string;
  at: string;
}
