export interface Money {
  amount: number;
  currency: string;
}

/** What one checkout wants taken. Lines of the same SKU are one demand. */
export interface ReservationRequest {
  id: string;
  principal: string;
  customerId: string;
  orderId: string | null;
  lines: { sku: string; quantity: number }[];
  /** Where a SKU is split over pools: the one to be asked first. */
  pool?: string;
  ttlSeconds: number;
  metadata: Record<string, string>;
  /** What the buyer was shown; stock is not taken for another total. */
  expectedTotal?: Money;
}
