import { type Tx, clockOf } from '../../database/database';
import { LostRace } from '../../database/pg-errors';
import { type HoldfastError, ValidationFailed } from '../../errors';
import type { Money } from '../../money';
import type { Contention } from '../allocation/contention';
import { CustomerLimits, limitsCustomers } from './customer-limits';
import { InsufficientStock, type Shortfall } from '../inventory.errors';
import { unitsPool, wayThroughPools } from '../products/pools';
import { type Product, findAvailable, findProducts } from '../products/products.repository';
import { saveLines } from './reservations.repository';
import { expired, type Reservation, type ReservationLine } from './reservation';
import { lineErrors, mixedCurrencies, refuseOtherTotal } from './reservation-request';
import { refuseOffSale } from './sale-window';
import {
  giveBackParts,
  giveBackUnits,
  lineOf,
  partsOf,
  type StockDemand,
  type StockPart,
  takeFromLockedPools,
} from '../stock/stock-levels.repository';
import { lockAllLevels } from '../stock/stock-locks.repository';

export interface LinesChange {
  lines: { sku: string; quantity: number }[];
  /** What the buyer was shown; nothing is changed for another total. */
  expectedTotal?: Money;
}

/** One SKU before and after. */
interface Difference {
  sku: string;
  /** What the reservation holds of it. */
  line: ReservationLine | undefined;
  held: number;
  wanted: number;
}

/**
 * Changes the lines of a reservation that the caller has locked and found active. False: they are as they are wanted.
 * Refused, it may leave rows changed: its caller rolls back.
 *
 * Stock is taken under the locks of all pools of every SKU that changes, whatever the strategy. That is right for each of
 * them, because they all write the same rows. One statement locks all rows in the common order, which taking by one
 * strategy after another would break.
 */
export async function changeLines(
  tx: Tx,
  reservation: Reservation,
  { lines, expectedTotal }: LinesChange,
  contention: Contention,
): Promise<boolean> {
  const differences = differencesOf(reservation.lines, lines);
  const changed = differences.filter(({ held, wanted }) => held !== wanted);
  const skus = changed.map(({ sku }) => sku);
  const products = await findProducts(tx, skus);
  const raised = changed.filter(isRaised);
  const errors = lineErrors(lines, products, (sku) => raised.some((one) => one.sku === sku));
  if (errors.length > 0) throw new ValidationFailed(errors);
  const total = totalOf(reservation, differences, products);
  const refused = refuseOtherTotal(expectedTotal, total);
  if (refused) throw refused;
  if (changed.length === 0) return false;

  const kept = changed.filter(({ wanted, held }) => wanted < held).map((one) => keep(one, products));
  await giveBackUnits(
    tx,
    reservation.id,
    kept.flatMap(({ sku, unitsBack }) => unitsBack.map((unitNo) => ({ sku, unitNo }))),
  );
  const granted = await take(tx, reservation, { raised, changed, products, contention });
  await giveBackParts(
    tx,
    kept.flatMap(({ sku, back }) => back.map((part) => ({ ...part, sku }))),
  );
  await saveLines(tx, reservation, {
    total,
    skus,
    lines: [...kept.flatMap(({ line }) => line ?? []), ...granted],
  });
  return true;
}

const isRaised = ({ held, wanted }: Difference) => wanted > held;

/** Every SKU that is held or wanted, in ascending order. Lines of the same SKU are one. */
function differencesOf(held: ReservationLine[], wanted: LinesChange['lines']): Difference[] {
  const lines = new Map(held.map((line) => [line.sku, line]));
  const quantities = new Map<string, number>(held.map(({ sku }) => [sku, 0]));
  for (const { sku, quantity } of wanted) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([sku, quantity]) => {
      const line = lines.get(sku);
      return { sku, line, held: line?.quantity ?? 0, wanted: quantity };
    });
}

/** Raised and new lines take the product's current price; all others keep theirs. */
function totalOf(reservation: Reservation, differences: Difference[], products: Map<string, Product>): Money {
  const remaining = differences.filter(({ wanted }) => wanted > 0);
  const currencies = new Set(
    remaining.map((one) => (isRaised(one) ? products.get(one.sku)!.currency : reservation.currency)),
  );
  if (currencies.size > 1) throw new ValidationFailed([mixedCurrencies(currencies)]);
  const priceOf = (one: Difference) =>
    isRaised(one) ? products.get(one.sku)!.unitAmount : one.line!.unitAmount;
  const amount = remaining.reduce((sum, one) => sum + one.wanted * priceOf(one), 0);
  return { amount, currency: [...currencies][0]! };
}

/** A lowered line after the change (none when it is removed), and what it gives back. */
interface Kept {
  sku: string;
  line: ReservationLine | undefined;
  back: { pool: string; quantity: number }[];
  unitsBack: number[];
}

/**
 * A lowered line keeps its price, its fencing tokens and its lowest unit numbers. It gives back first from pools where the
 * product's stock no longer belongs, then from its last pool by name.
 */
function keep({ sku, line: before, wanted }: Difference, products: Map<string, Product>): Kept {
  const line = before!;
  const isHome = ({ pool }: StockPart) => products.get(sku)!.pools.includes(pool);
  const homeFirst = [...line.parts].sort((one, other) => Number(isHome(other)) - Number(isHome(one)));
  const parts: StockPart[] = [];
  const back: Kept['back'] = [];
  let missing = wanted;
  for (const part of homeFirst) {
    const quantity = Math.min(missing, part.quantity);
    missing -= quantity;
    if (quantity > 0) parts.push({ ...part, quantity });
    if (quantity < part.quantity) back.push({ pool: part.pool, quantity: part.quantity - quantity });
  }
  const unitsKept = parts.find(({ pool }) => pool === unitsPool)?.quantity ?? 0;
  return {
    sku,
    line: wanted > 0 ? { ...line, quantity: wanted, ...lineOf(parts) } : undefined,
    back,
    unitsBack: (line.units ?? []).slice(unitsKept),
  };
}

/** Takes what raised and new lines need more, or throws why not. Locks the stock of all that changes. */
async function take(
  tx: Tx,
  reservation: Reservation,
  {
    raised,
    changed,
    products,
    contention,
  }: { raised: Difference[]; changed: Difference[]; products: Map<string, Product>; contention: Contention },
): Promise<ReservationLine[]> {
  const startedAt = performance.now();
  const skus = changed.map(({ sku }) => sku);
  const levels = await lockAllLevels(tx, skus);
  // Its time may have run out while we queued for the stock.
  const now = await clockOf(tx);
  if (now >= reservation.expiresAt) throw expired(reservation);
  if (raised.length === 0) return [];
  const offSale = refuseOffSale(
    raised.map(({ sku }) => sku),
    products,
    now,
  );
  if (offSale) throw offSale;
  const demands = raised.map((one) => demandOf(one, products.get(one.sku)!, reservation.customerId));
  const grants = await takeFromLockedPools(tx, levels, demands, reservation.id);
  for (const { sku } of raised)
    contention.noteTake(sku, products.get(sku)!.strategy, performance.now() - startedAt);
  const short = raised.filter((_, nth) => !grants[nth]!.taken);
  if (short.length > 0) throw await shortage(tx, short);

  const takings = raised.map(({ sku, line, held, wanted }) => ({
    ...{ sku, quantity: wanted - held },
    joins: line !== undefined,
  }));
  const limits = await CustomerLimits.count(tx, [{ request: reservation, demands: takings }], products);
  if (!limits.allow(0)) throw limits.refusal(0);
  return raised.map((one, nth) => grownLine(one, partsOf(grants[nth]!), products.get(one.sku)!));
}

/** First from pools where the line has units already, then as for any buyer. */
function demandOf(
  { sku, line, held, wanted }: Difference,
  product: Product,
  customerId: string,
): StockDemand {
  const isLimited = limitsCustomers(product);
  const way = wayThroughPools({ pools: product.pools, isLimited }, { customerId });
  const own = (line?.parts ?? []).map(({ pool }) => pool).filter((pool) => product.pools.includes(pool));
  const [pool, ...others] = [...new Set([...own, way.pool, ...way.others])];
  return { sku, pool: pool!, others, quantity: wanted - held };
}

function grownLine(
  { sku, line, wanted }: Difference,
  granted: StockPart[],
  product: Product,
): ReservationLine {
  const parts = new Map((line?.parts ?? []).map((part) => [part.pool, part]));
  for (const part of granted)
    parts.set(part.pool, { ...part, quantity: part.quantity + (parts.get(part.pool)?.quantity ?? 0) });
  return { sku, quantity: wanted, unitAmount: product.unitAmount, ...lineOf([...parts.values()]) };
}

/**
 * Read again before it is refused, as for any buyer: a unit that a rival has locked is skipped, though the rival may roll
 * back, and a pool that was added while we waited for the locks is not among them. Then the transaction starts again.
 */
async function shortage(tx: Tx, short: Difference[]): Promise<HoldfastError | LostRace> {
  const skus = short.map(({ sku }) => sku);
  const now = await findAvailable(tx, skus);
  const shortfalls = short.map(({ sku, held, wanted }): Shortfall => ({
    sku,
    requested: wanted,
    available: held + now.get(sku)!.available,
    held,
  }));
  const trulyShort = shortfalls.filter(({ requested, available }) => available < requested);
  return trulyShort.length > 0
    ? new InsufficientStock(
        trulyShort,
        'Nothing was changed; the reservation keeps what it holds. These are short',
      )
    : new LostRace(`Rivals have locked the last units of ${short[0]!.sku}.`);
}
