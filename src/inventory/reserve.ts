import type { Tx } from '../database/database';
import { type FieldError, HoldfastError, ValidationFailed } from '../errors';
import { InsufficientStock, reservationLimitReached, totalChanged } from './inventory.errors';
import { findProducts, type Product } from './products.repository';
import {
  countLiveOfCustomers,
  insertReservations,
  type NewReservation,
  type ReservationLine,
  type Reserved,
} from './reservations.repository';
import { lockLevels, mainPool, takeTogether } from './stock-levels';
import type { StockDemand, StockGrant } from './strategies/strategy';
import { strategyNamed } from './strategies/strategies';

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
  ttlSeconds: number;
  metadata: Record<string, string>;
  /** What the buyer was shown; stock is not taken for another total. */
  expectedTotal?: Money;
}

export type ReserveOutcome = { reserved: Reserved } | { refused: HoldfastError };

/**
 * Takes stock for many checkouts at once, each all or nothing, in the order of the array.
 *
 * A single checkout goes by the strategies of its SKUs; several are decided together under one lock of all their rows.
 * A single refused checkout may leave rows changed: its caller must roll back. Of several, refused ones changed nothing.
 */
export async function reserve(
  tx: Tx,
  requests: ReservationRequest[],
  lifetimeSecondsMax: number,
): Promise<ReserveOutcome[]> {
  const skus = [...new Set(requests.flatMap((request) => request.lines.map((line) => line.sku)))].sort();
  const products = await findProducts(tx, skus);

  const outcomes: (ReserveOutcome | undefined)[] = requests.map((request) => {
    const refused = refuseBeforeTaking(request, products);
    return refused && { refused };
  });
  const open = requests.flatMap((request, index) =>
    outcomes[index] ? [] : [{ request, index, demands: demandsOf(request) }],
  );
  const single = open.length === 1 ? open[0] : undefined;
  const grants = single
    ? [await takeByStrategy(tx, single.demands, products)]
    : await takeAllTogether(tx, open, products, (index, refused) => (outcomes[index] = { refused }));

  const reserved: { index: number; row: NewReservation }[] = [];
  for (const [nth, { request, index, demands }] of open.entries()) {
    if (outcomes[index]) continue;
    const shortfalls = shortfallsOf(demands, grants[nth]!);
    if (shortfalls.length > 0) outcomes[index] = { refused: new InsufficientStock(shortfalls) };
    else reserved.push({ index, row: newReservation(request, demands, grants[nth]!, products) });
  }
  if (single && reserved.length > 0) {
    const [refused] = await refuseOverLimit(tx, open, products);
    if (refused) return [{ refused }];
  }
  const rows = await insertReservations(
    tx,
    reserved.map(({ row }) => row),
    lifetimeSecondsMax,
  );
  reserved.forEach(({ index }, nth) => (outcomes[index] = { reserved: rows[nth]! }));
  return outcomes as ReserveOutcome[];
}

type Open = { request: ReservationRequest; index: number; demands: StockDemand[] };

/** Neighbouring SKUs of one strategy go to it together; strategies follow one another in (sku, pool) order. */
async function takeByStrategy(
  tx: Tx,
  demands: StockDemand[],
  products: Map<string, Product>,
): Promise<StockGrant[]> {
  const grants: StockGrant[] = [];
  for (let start = 0; start < demands.length;) {
    const name = products.get(demands[start]!.sku)!.strategy;
    let end = start + 1;
    while (end < demands.length && products.get(demands[end]!.sku)!.strategy === name) end++;
    grants.push(...(await strategyNamed(name).take(tx, demands.slice(start, end))));
    start = end;
  }
  return grants;
}

async function takeAllTogether(
  tx: Tx,
  open: Open[],
  products: Map<string, Product>,
  refuse: (index: number, why: HoldfastError) => void,
): Promise<StockGrant[][]> {
  // The limit is counted under the same locks that the taking needs, and before anything is taken.
  await lockLevels(
    tx,
    open.flatMap(({ demands }) => demands),
  );
  const overLimit = await refuseOverLimit(tx, open, products);
  for (const [nth, why] of overLimit.entries()) if (why) refuse(open[nth]!.index, why);
  return takeTogether(
    tx,
    open.map(({ demands }, nth) => (overLimit[nth] ? [] : demands)),
  );
}

/** Per-customer limits: counted while we hold the SKU's stock row, so nobody else can be adding to the count. */
async function refuseOverLimit(
  tx: Tx,
  open: Open[],
  products: Map<string, Product>,
): Promise<(HoldfastError | undefined)[]> {
  const limited = open.flatMap(({ request, demands }, nth) =>
    demands
      .filter(({ sku }) => products.get(sku)!.reservationsPerCustomerMax !== null)
      .map(({ sku }) => ({ nth, sku, customerId: request.customerId })),
  );
  const refused: (HoldfastError | undefined)[] = [];
  if (limited.length === 0) return refused;

  const held = await countLiveOfCustomers(tx, limited);
  const inThisBatch = new Map<string, number>();
  for (const [place, { nth, sku, customerId }] of limited.entries()) {
    const max = products.get(sku)!.reservationsPerCustomerMax!;
    const key = `${sku}\n${customerId}`;
    const before = held[place]! + (inThisBatch.get(key) ?? 0);
    if (before >= max) {
      refused[nth] = reservationLimitReached(
        `Customer ${customerId} holds ${before} of at most ${max} reservations of ${sku}. End one of them first.`,
        { sku, reservationsPerCustomerMax: max },
      );
    } else inThisBatch.set(key, (inThisBatch.get(key) ?? 0) + 1);
  }
  return refused;
}

/** Precedence: unknown SKU and quantity limit (all lines at once, with pointers), mixed currencies, another total. */
function refuseBeforeTaking(
  request: ReservationRequest,
  products: Map<string, Product>,
): HoldfastError | undefined {
  const errors: FieldError[] = [];
  const quantities = new Map<string, number>();
  for (const [index, { sku, quantity }] of request.lines.entries()) {
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
  const currencies = new Set(request.lines.map(({ sku }) => products.get(sku)?.currency).filter(Boolean));
  if (errors.length === 0 && currencies.size > 1) {
    errors.push({
      pointer: '/lines',
      code: 'mixed_currencies',
      detail: `One order has one currency, not ${[...currencies].join(' and ')}.`,
    });
  }
  if (errors.length > 0) return new ValidationFailed(errors);
  const amount = request.lines.reduce(
    (sum, { sku, quantity }) => sum + quantity * products.get(sku)!.unitAmount,
    0,
  );
  return refuseOtherTotal(request.expectedTotal, { amount, currency: [...currencies][0]! });
}

export function refuseOtherTotal(expected: Money | undefined, total: Money): HoldfastError | undefined {
  if (!expected || (expected.amount === total.amount && expected.currency === total.currency))
    return undefined;
  return totalChanged(
    `It would be ${total.amount} ${total.currency}, not ${expected.amount} ${expected.currency} (minor units). Show the buyer the new total and send it.`,
    { total, expectedTotal: expected },
  );
}

function demandsOf(request: ReservationRequest): StockDemand[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of request.lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities]
    .map(([sku, quantity]) => ({ sku, pool: mainPool, quantity }))
    .sort((a, b) => (a.sku < b.sku ? -1 : 1));
}

function shortfallsOf(demands: StockDemand[], grants: StockGrant[]) {
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
  const lines = demands.map((demand, index): ReservationLine => {
    const grant = grants[index]!;
    if (!grant.taken) throw new Error('Bug: a reservation is made of stock that was not taken.');
    return { ...demand, unitAmount: products.get(demand.sku)!.unitAmount, fencingToken: grant.fencingToken };
  });
  return {
    ...request,
    lines,
    totalAmount: lines.reduce((sum, line) => sum + line.quantity * line.unitAmount, 0),
    currency: products.get(lines[0]!.sku)!.currency,
  };
}
