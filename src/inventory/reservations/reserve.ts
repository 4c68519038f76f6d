import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../../config/config';
import { CONFIG } from '../../config/config.module';
import type { Tx } from '../../database/database';
import { LostRace } from '../../database/pg-errors';
import { type FieldError, HoldfastError, ValidationFailed } from '../../errors';
import { Contention } from '../allocation/contention';
import { CustomerLimits } from './customer-limits';
import { InsufficientStock, type Shortfall, totalChanged } from '../inventory.errors';
import { mainPool, wayThroughPools } from '../products/pools';
import { findAvailable, findProducts, type Product } from '../products/products.repository';
import {
  insertReservations,
  type NewReservation,
  type ReservationLine,
  type Reserved,
} from './reservations.repository';
import { lineOf, lockLevels, partsOf, takeLocked } from '../stock/stock-levels';
import type { Surroundings } from '../allocation/strategies/strategy';
import type { StockDemand, StockGrant } from '../stock/stock-grants';
import { strategyNamed } from '../allocation/strategies/strategies';
import { ReservationRequest, Money } from './reservation-request';

export type ReserveOutcome = { reserved: Reserved } | { refused: HoldfastError };

/** Takes the stock of requests and writes their reservations. */
@Injectable()
export class StockReserver {
  private readonly lifetimeSecondsMax: number;

  constructor(
    @Inject(CONFIG) { reservationLifetimeSecondsMax }: Config,
    private readonly contention: Contention,
  ) {
    this.lifetimeSecondsMax = reservationLifetimeSecondsMax;
  }

  /**
   * Takes stock for one request, all lines or none, by the strategies of its SKUs. When it is refused it may leave rows
   * changed: its caller rolls back.
   */
  async single(tx: Tx, request: ReservationRequest, added: Surroundings = {}): Promise<ReserveOutcome> {
    const products = await productsOf(tx, [request]);
    const refused = refuseBeforeTaking(request, products);
    if (refused) return { refused };

    const demands = demandsOf(request, products);
    const grants: StockGrant[] = [];
    for (const { name, run } of strategyRuns(demands, products)) {
      const startedAt = performance.now();
      const onConflict = (sku: string) => this.contention.noteConflict(sku, name);
      const taker = { reservationId: request.id, fencingTokens: added.fencingTokens, onConflict };
      grants.push(...(await strategyNamed(name).take(tx, run, taker)));
      for (const { sku } of run) this.contention.noteTake(sku, name, performance.now() - startedAt);
    }
    const shortfalls = shortfallsOf(demands, grants);
    if (shortfalls.length > 0) {
      const [confirmed] = await confirmShortfalls(tx, products, [shortfalls]);
      return { refused: new InsufficientStock(confirmed!) };
    }
    const limits = await CustomerLimits.count(tx, [{ request, demands }], products);
    if (!limits.allow(0)) return { refused: limits.refusal(0) };

    const row = newReservation(request, demands, grants, products);
    const [reserved] = await insertReservations(tx, [row], this.lifetimeSecondsMax);
    return { reserved: reserved! };
  }

  /**
   * Takes stock for many requests under one lock of all their rows, each all or nothing, in the order of the array.
   * A refused one has changed nothing, so that the others may commit.
   */
  async grouped(tx: Tx, requests: ReservationRequest[]): Promise<ReserveOutcome[]> {
    const products = await productsOf(tx, requests);
    const outcomes = new Map<ReservationRequest, ReserveOutcome>();
    for (const request of requests) {
      const refused = refuseBeforeTaking(request, products);
      if (refused) outcomes.set(request, { refused });
    }
    const asking = requests
      .filter((request) => !outcomes.has(request))
      .map((request) => ({ request, demands: demandsOf(request, products) }));
    const checkouts = asking.map(({ demands }) => demands);
    refuseUngroupable(checkouts.flat());
    const startedAt = performance.now();
    const levels = await lockLevels(tx, checkouts.flat());
    this.noteTakes(checkouts.flat(), performance.now() - startedAt);
    // Counted under the locks of the stock rows, so that no other transaction can add to the count.
    const limits = await CustomerLimits.count(tx, asking, products);
    const grants = await takeLocked(tx, levels, checkouts, limits);

    const taken: { request: ReservationRequest; row: NewReservation }[] = [];
    const short: { request: ReservationRequest; shortfalls: Shortfall[] }[] = [];
    for (const [nth, { request, demands }] of asking.entries()) {
      const granted = grants[nth]!;
      const shortfalls = granted === 'over-limit' ? [] : shortfallsOf(demands, granted);
      if (granted === 'over-limit') outcomes.set(request, { refused: limits.refusal(nth) });
      else if (shortfalls.length > 0) short.push({ request, shortfalls });
      else taken.push({ request, row: newReservation(request, demands, granted, products) });
    }
    const shortfallLists = short.map(({ shortfalls }) => shortfalls);
    const confirmed = await confirmShortfalls(tx, products, shortfallLists);
    short.forEach(({ request }, nth) =>
      outcomes.set(request, { refused: new InsufficientStock(confirmed[nth]!) }),
    );
    const newRows = taken.map(({ row }) => row);
    const rows = await insertReservations(tx, newRows, this.lifetimeSecondsMax);
    taken.forEach(({ request }, nth) => outcomes.set(request, { reserved: rows[nth]! }));
    return requests.map((request) => outcomes.get(request)!);
  }

  private noteTakes(demands: StockDemand[], ms: number): void {
    const buyers = new Map<string, number>();
    for (const { sku } of demands) buyers.set(sku, (buyers.get(sku) ?? 0) + 1);
    for (const [sku, count] of buyers) this.contention.noteTake(sku, 'grouped', ms, count);
  }
}

/** The SKU was switched after its request was admitted. Thrown, because a batch that throws is tried again in halves and at last singly. */
function refuseUngroupable(demands: StockDemand[]): void {
  const elsewhere = demands.find(({ pool }) => pool !== mainPool);
  if (elsewhere)
    throw new Error(`The stock of ${elsewhere.sku} is in ${elsewhere.pool} and cannot be grouped.`);
}

/**
 * Before a request is refused, available stock is read again: in all pools, at one moment. If that is too little the
 * refusal is true. Otherwise a switch of strategy may have moved the stock after the product was read, and the transaction
 * starts again; or the stock is in a pool that this strategy does not use, which the shortfalls then show.
 */
async function confirmShortfalls(
  tx: Tx,
  products: Map<string, Product>,
  refusals: Shortfall[][],
): Promise<Shortfall[][]> {
  if (refusals.length === 0) return [];
  const now = await findAvailable(tx, [...new Set(refusals.flat().map(({ sku }) => sku))]);
  return refusals.map((shortfalls) => {
    const seen = shortfalls.map((shortfall) => ({
      ...shortfall,
      available: Math.max(shortfall.available, now.get(shortfall.sku)!.available),
    }));
    const trulyShort = seen.filter(({ requested, available }) => available < requested);
    if (trulyShort.length > 0) return trulyShort;
    const changed = seen.find(({ sku }) => now.get(sku)!.version !== products.get(sku)!.version);
    if (changed) throw new LostRace(`The product ${changed.sku} has changed.`);
    return seen;
  });
}

function productsOf(tx: Tx, requests: ReservationRequest[]): Promise<Map<string, Product>> {
  return findProducts(
    tx,
    [...new Set(requests.flatMap((request) => request.lines.map((line) => line.sku)))].sort(),
  );
}

/** Neighbouring SKUs of one strategy are taken by one call; the calls follow one another in (sku, pool) order. */
function strategyRuns(
  demands: StockDemand[],
  products: Map<string, Product>,
): { name: string; run: StockDemand[] }[] {
  const runs: { name: string; run: StockDemand[] }[] = [];
  for (const demand of demands) {
    const name = products.get(demand.sku)!.strategy;
    const last = runs.at(-1);
    if (last?.name === name) last.run.push(demand);
    else runs.push({ name, run: [demand] });
  }
  return runs;
}

/** Precedence: unknown SKU and quantity limit (all lines at once, with pointers), mixed currencies, a total that cannot be charged, another total. */
function refuseBeforeTaking(
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

/** Unknown SKUs, and lines with which a SKU goes over its limit. Lines whose stock is not taken now are left out. */
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
  return new ValidationFailed([{ pointer: '/lines', code: 'total_too_large', detail }]);
}

/** Stripe's own bound on one charge, in minor units. */
const chargeMax = 99_999_999;

/** What an order's total may be: something that can be charged, and what the buyer was shown. */
export function refuseTotal(expected: Money | undefined, total: Money): HoldfastError | undefined {
  if (total.amount < 1 || total.amount > chargeMax) {
    const detail = `The total is ${total.amount}; a charge is of 1 to ${chargeMax} minor units. For a free basket, reserve and confirm instead.`;
    return new ValidationFailed([{ pointer: '/lines', code: 'total_not_chargeable', detail }]);
  }
  return refuseOtherTotal(expected, total);
}

/** Another total than the buyer was shown, or one that could not be shown. */
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

function demandsOf(request: ReservationRequest, products: Map<string, Product>): StockDemand[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of request.lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  const inLockOrder = [...quantities];
  // guard: stock-lock-order
  inLockOrder.sort(([one], [other]) => (one < other ? -1 : 1));
  return inLockOrder.map(([sku, quantity]) => {
    const { pools, reservationsPerCustomerMax } = products.get(sku)!;
    const isLimited = reservationsPerCustomerMax !== null;
    return { sku, quantity, ...wayThroughPools({ pools, isLimited }, request) };
  });
}

function shortfallsOf(demands: StockDemand[], grants: StockGrant[]): Shortfall[] {
  return demands.flatMap(({ sku, quantity }, index) => {
    const grant = grants[index]!;
    return grant.taken ? [] : [{ sku, requested: quantity, available: Math.max(0, grant.available) }];
  });
}

/** The price is frozen here: what the product costs later changes nothing for this buyer. */
function newReservation(
  request: ReservationRequest,
  demands: StockDemand[],
  grants: StockGrant[],
  products: Map<string, Product>,
): NewReservation {
  const lines = demands.map(({ sku, quantity }, nth): ReservationLine => {
    const parts = partsOf(grants[nth]!);
    return { sku, quantity, unitAmount: products.get(sku)!.unitAmount, ...lineOf(parts) };
  });
  return {
    ...request,
    lines,
    totalAmount: lines.reduce((sum, line) => sum + line.quantity * line.unitAmount, 0),
    currency: products.get(lines[0]!.sku)!.currency,
  };
}
