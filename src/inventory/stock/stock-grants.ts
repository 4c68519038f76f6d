/** So many units of one SKU. */
export interface StockDemand {
  sku: string;
  /** Where they are taken from: for most strategies the only place. */
  pool: string;
  quantity: number;
  /** Pools to turn to, in this order, when that one has too few. */
  others?: readonly string[];
}

/** What one pool gave, and under which fencing token. */
export interface StockPart {
  pool: string;
  quantity: number;
  fencingToken: number;
}

/** Taken, from one pool or from several, or not taken because only so many were available. */
export type StockGrant = { taken: true; parts: StockPart[] } | { taken: false; available: number };
