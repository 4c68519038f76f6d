import type { Config } from '../../config/config';
import type { Product } from '../products/products.repository';
import { type HoldfastError, ValidationFailed, type FieldError } from '../../errors';
import { type Money, currencies, inMajorUnits } from '../../money';
import { totalChanged } from '../inventory.errors';

/** A request for stock. Lines of the same SKU are one demand. */
export interface ReservationRequest {
  id: string;
  principal: string;
  customerId: string;
  orderId: string | null;
  lines: { sku: string; quantity: number }[];
  /** For a SKU with several pools: the pool to try first. */
  pool?: string;
  ttlSeconds: number;
  metadata: Record<string, string>;
  /** The total that the buyer saw; a different one is refused. */
  expectedTotal?: Money;
}

/** Precedence: unknown SKU and quantity limit (all lines at once, with pointers), mixed currencies, a total that cannot be charged, a different total. */
export function refuseBeforeTaking(
  request: ReservationRequest,
  products: Map<string, Product>,
): HoldfastError | undefined {
  const errors = lineErrors(request.lines, products);
  const currencies = new Set(request.lines.map(({ sku }) => products.get(sku)?.currency).filter(isThere));
  if (errors.length === 0 && currencies.size > 1) errors.push(mixedCurrencies(currencies));
  if (errors.length > 0) return new ValidationFailed(errors);
  const amount = request.lines.reduce(
    (sum, { sku, quantity }) => sum + quantity * products.get(sku)!.unitAmount,
    0,
  );
  if (request.orderId === null) return refuseUncountable(amount);
  return refuseTotal(request.expectedTotal, { amount, currency: [...currencies][0]! });
}

const isThere = <T>(value: T | undefined): value is T => value !== undefined;

export const mixedCurrencies = (currencies: Iterable<string>): FieldError => ({
  pointer: '/lines',
  code: 'mixed_currencies',
  detail: `One order has one currency, not ${[...currencies].join(' and ')}.`,
});

/** Unknown SKUs, and lines that exceed the quantity limit of their SKU. Lines whose stock is not taken now are left out. */
export function lineErrors(
  lines: ReservationRequest['lines'],
  products: Map<string, Product>,
  isTaken: (sku: string) => boolean = () => true,
): FieldError[] {
  const errors: FieldError[] = [];
  const quantities = new Map<string, number>();
  for (const [index, { sku, quantity }] of lines.entries()) {
    if (!isTaken(sku)) continue;
    const product = products.get(sku);
    const sum = (quantities.get(sku) ?? 0) + quantity;
    quantities.set(sku, sum);
    const max = product?.quantityPerOrderMax ?? null;
    if (!product) {
      errors.push({
        pointer: `/lines/${index}/sku`,
        code: 'unknown_sku',
        detail: 'There is no product with this SKU.',
      });
    } else if (max !== null && sum > max) {
      errors.push({
        pointer: `/lines/${index}/quantity`,
        code: 'quantity_over_limit',
        detail: `At most ${max} of ${sku} per order.`,
      });
    }
  }
  return errors;
}

/**
 * A reservation's total is a number of JSON, which is exact up to 2^53 − 1. Rounding cannot hide a larger one: a product
 * or a sum beyond that bound is never rounded to below it.
 */
function refuseUncountable(amount: number): HoldfastError | undefined {
  if (amount <= Number.MAX_SAFE_INTEGER) return undefined;
  const detail = `The total is more than ${Number.MAX_SAFE_INTEGER} minor units. Lower the quantities or split the lines over several reservations.`;
  return new ValidationFailed({ pointer: '/lines', code: 'total_too_large', detail });
}

/** An order's total must be chargeable, and be what the buyer saw. */
export function refuseTotal(expected: Money | undefined, total: Money): HoldfastError | undefined {
  const detail = whyNotChargeable(total);
  if (detail === undefined) return refuseOtherTotal(expected, total);
  const { minimum = null, maximum = null, multiple = null } = currencies.get(total.currency) ?? {};
  return new ValidationFailed({ pointer: '/lines', code: 'total_not_chargeable', detail }, 0, {
    total,
    ...{ currency: total.currency, minimum, maximum, multiple },
  });
}

/** Products of earlier builds may have a currency or a multiple that a new product may not have. */
function whyNotChargeable(total: Money): string | undefined {
  const { amount, currency } = total;
  // A free order asks no provider.
  if (amount === 0) return undefined;
  const limits = currencies.get(currency);
  if (!limits) return `The payment provider has no currency ${currency}. Correct the price of the product.`;
  const written = (minorUnits: number) => inMajorUnits({ amount: minorUnits, currency });
  if (amount < limits.minimum)
    return `The total is ${written(amount)}, and the smallest charge ${written(limits.minimum)}. Order more at once.`;
  if (amount > limits.maximum)
    return `The total is ${written(amount)}, and the largest charge ${written(limits.maximum)}. Split the lines over several orders.`;
  if (amount % limits.multiple !== 0)
    return `The total is ${written(amount)}, and only multiples of ${written(limits.multiple)} can be charged. Correct the price of the product.`;
  return undefined;
}

/** Refuses a total that differs from what the buyer saw, or that JSON cannot hold. */
export function refuseOtherTotal(expected: Money | undefined, total: Money): HoldfastError | undefined {
  const uncountable = refuseUncountable(total.amount);
  if (uncountable) return uncountable;
  if (!expected || (expected.amount === total.amount && expected.currency === total.currency))
    return undefined;
  return totalChanged(
    `It would be ${total.amount} ${total.currency}, not ${expected.amount} ${expected.currency} (minor units). Show the buyer the new total and send it.`,
    { total, expectedTotal: expected },
  );
}

/** The largest TTL is a setting, so no decorator can name it. */
export function checkedTtl(ttlSeconds: number | undefined, config: Config): number {
  if (ttlSeconds !== undefined && ttlSeconds > config.reservationTtlSecondsMax) {
    throw new ValidationFailed({
      pointer: '/ttlSeconds',
      code: 'max',
      detail: `ttlSeconds must be at most ${config.reservationTtlSecondsMax}.`,
    });
  }
  return ttlSeconds ?? config.reservationTtlSeconds;
}
