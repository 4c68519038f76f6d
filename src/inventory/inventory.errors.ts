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
  static readonly type = declareProblem({
    code: 'insufficient_stock',
    status: 409,
    title: 'Not enough stock',
    retryable: true,
  });
  readonly code = InsufficientStock.type.code;
  readonly status = InsufficientStock.type.status;
  readonly title = InsufficientStock.type.title;
  override readonly retryable = true;

  /** `outcome`: what it means for the request. */
  constructor(
    readonly shortfalls: Shortfall[],
    outcome = 'Nothing was taken, because these are short',
  ) {
    const list = shortfalls.map(
      ({ sku, requested, available }) => `${sku} (asked ${requested}, available ${available})`,
    );
    super(`${outcome}: ${list.join(', ')}. Lower the quantities or try again later.`);
  }

  /** False when enough was available after all, in a pool that the buyer's strategy does not use. */
  get isConfirmed(): boolean {
    return this.shortfalls.some(({ requested, available }) => available < requested);
  }

  override facts() {
    return {
      shortfalls: this.shortfalls.map(({ sku, requested, available }) => ({ sku, requested, available })),
    };
  }
}

export const reservationNotFound = refusal({
  code: 'reservation_not_found',
  status: 404,
  title: 'There is no such reservation',
});
export const productNotFound = refusal({
  code: 'product_not_found',
  status: 404,
  title: 'There is no such product',
});
export const reservationExpired = refusal({
  code: 'reservation_expired',
  status: 409,
  title: 'The reservation has expired',
});
export const reservationAlreadyConfirmed = refusal({
  code: 'reservation_already_confirmed',
  status: 409,
  title: 'The reservation is confirmed already',
});
export const reservationAlreadyReleased = refusal({
  code: 'reservation_already_released',
  status: 409,
  title: 'The reservation was released already',
});
export const reservationPinned = refusal({
  code: 'reservation_pinned',
  status: 409,
  title: 'A charge for this reservation is in flight',
});
export const reservationHasOrder = refusal({
  code: 'reservation_has_order',
  status: 409,
  title: 'An order was placed on this reservation',
});
export const reservationOfAnotherCustomer = refusal({
  code: 'reservation_of_another_customer',
  status: 409,
  title: 'The reservation belongs to another customer',
});
export const reservationLifetimeExceeded = refusal({
  code: 'reservation_lifetime_exceeded',
  status: 409,
  title: 'The reservation cannot be extended that far',
});
export const reservationLimitReached = refusal({
  code: 'reservation_limit_reached',
  status: 409,
  title: 'The customer holds as many reservations of this product as allowed',
  retryable: true,
});
export const belowReserved = refusal({
  code: 'below_reserved',
  status: 409,
  title: 'More is promised than would be left',
});
export const totalChanged = refusal({
  code: 'total_changed',
  status: 409,
  title: 'The total is not what the buyer was shown',
});
export const releaseNotFound = refusal({
  code: 'release_not_found',
  status: 404,
  title: 'There is no such release',
});
export const releaseTokenExpired = refusal({
  code: 'release_token_expired',
  status: 409,
  title: 'The count is too old to act on',
});
export const releaseNotRunning = refusal({
  code: 'release_not_running',
  status: 409,
  title: 'The release has ended already',
});
