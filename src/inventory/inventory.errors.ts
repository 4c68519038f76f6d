import { HoldfastError, declareProblem, refusal } from '../errors';

export interface Shortfall {
  sku: string;
  requested: number;
  /** Available units, plus those that the reservation being changed already has. */
  available: number;
  /** How many of them the reservation already has. */
  held?: number;
}

export class InsufficientStock extends HoldfastError {
  static readonly type = declareProblem(409, 'insufficient_stock', 'Not enough stock', { retryable: true });

  /** `outcome`: what it means for the request. */
  constructor(
    readonly shortfalls: Shortfall[],
    outcome = 'Nothing was taken, because these are short',
  ) {
    const shown = shortfalls.map(({ sku, requested, available }) => ({ sku, requested, available }));
    const list = shown.map(
      ({ sku, requested, available }) => `${sku} (asked ${requested}, available ${available})`,
    );
    const detail = `${outcome}: ${list.join(', ')}. Lower the quantities or try again later.`;
    super(InsufficientStock.type, detail, { shortfalls: shown });
  }

  /** False when enough was available after all, in a pool that the buyer's strategy does not use. */
  get isConfirmed(): boolean {
    return this.shortfalls.some(({ requested, available }) => available < requested);
  }
}

/** The same request may succeed when the sale opens, and never after its end. */
export class NotOnSale extends HoldfastError {
  static readonly type = declareProblem(409, 'not_on_sale', 'The product is not on sale now', {
    retryable: true,
  });

  constructor(
    { sku, salesStartAt, salesEndAt }: { sku: string; salesStartAt: Date | null; salesEndAt: Date | null },
    startsInSeconds: number | null,
  ) {
    const isOver = startsInSeconds === null;
    const retry = isOver ? { retryable: false } : { retryAfterSeconds: startsInSeconds };
    const detail = isOver
      ? `The sale of ${sku} ended at ${salesEndAt!.toISOString()}. Nothing was taken. Order without it.`
      : `The sale of ${sku} starts at ${salesStartAt!.toISOString()}, in ${startsInSeconds} s. Nothing was taken. Send the same request again then.`;
    super({ ...NotOnSale.type, ...retry }, detail, {
      sku,
      salesStartAt: salesStartAt?.toISOString() ?? null,
      salesEndAt: salesEndAt?.toISOString() ?? null,
      startsInSeconds,
    });
  }
}

export const reservationNotFound = refusal(404, 'reservation_not_found', 'There is no such reservation');
export const productNotFound = refusal(404, 'product_not_found', 'There is no such product');
export const reservationExpired = refusal(409, 'reservation_expired', 'The reservation has expired');
export const reservationAlreadyConfirmed = refusal(
  409,
  'reservation_already_confirmed',
  'The reservation is confirmed already',
);
export const reservationAlreadyReleased = refusal(
  409,
  'reservation_already_released',
  'The reservation was released already',
);
export const reservationPinned = refusal(
  409,
  'reservation_pinned',
  'A charge for this reservation is in flight',
);
export const reservationHasOrder = refusal(
  409,
  'reservation_has_order',
  'An order was placed on this reservation',
);
export const reservationNotConfirmed = refusal(
  409,
  'reservation_not_confirmed',
  'The reservation is not sold',
);
/** Facts: `lines`, what was asked for and what is left of each SKU. */
export const moreThanSold = refusal(409, 'more_than_sold', 'More units than were sold or are left');
export const reservationOfAnotherCustomer = refusal(
  409,
  'reservation_of_another_customer',
  'The reservation belongs to another customer',
);
export const reservationLifetimeExceeded = refusal(
  409,
  'reservation_lifetime_exceeded',
  'The reservation cannot be extended that far',
);
export const reservationLimitReached = refusal(
  409,
  'reservation_limit_reached',
  'The customer holds as many reservations of this product as allowed',
  { retryable: true },
);
export const unitsPerCustomerExceeded = refusal(
  409,
  'units_per_customer_exceeded',
  'The customer would have more units of this product than allowed',
);
export const belowReserved = refusal(409, 'below_reserved', 'More is promised than would be left');
export const totalChanged = refusal(409, 'total_changed', 'The total is not what the buyer was shown');
export const releaseNotFound = refusal(404, 'release_not_found', 'There is no such release');
export const releaseTokenExpired = refusal(409, 'release_token_expired', 'The count is too old to act on');
export const releaseNotRunning = refusal(409, 'release_not_running', 'The release has ended already');
