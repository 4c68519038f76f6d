import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config';
import type { Tx } from '../../database/database';
import { LostRace } from '../../database/pg-errors';
import { HoldfastError } from '../../errors';
import { Contention } from '../allocation/contention';
import { CustomerLimits, limitsCustomers } from './customer-limits';
import { InsufficientStock, type Shortfall } from '../inventory.errors';
import { mainPool, wayThroughPools } from '../products/pools';
import {
  findAvailable,
  findProducts,
  type FoundProduct,
  type Product,
} from '../products/products.repository';
import { insertReservations } from './reservations.repository';
import {
  lineOf,
  partsOf,
  type StockDemand,
  type StockGrant,
  takeLocked,
} from '../stock/stock-levels.repository';
import { type LockedLevel, lockLevels } from '../stock/stock-locks.repository';
import type { Surroundings } from '../allocation/strategies/strategy';
import { strategyNamed } from '../allocation/strategies/strategies';
import { ReservationRequest, refuseBeforeTaking } from './reservation-request';
import { refuseOffSale } from './sale-window';
import type { NewReservation, ReservationLine, Reserved } from './reservation';

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
    const refused = refuseBeforeTaking(request, products) ?? refuseBeforeSale(request, products);
    if (refused) return { refused };

    const demands = demandsOf(request, products);
    const grants: StockGrant[] = [];
    for (const { name, run } of strategyRuns(demands, products)) {
      const startedAt = performance.now();
      const onConflict = (sku: string) => this.contention.noteConflict(sku, name);
      const taker = { reservationId: request.id, leaseTokens: added.leaseTokens, onConflict };
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
    const tooLate = refuseOffSale(skusOf(request), products, reserved!.createdAt);
    return tooLate ? { refused: tooLate } : { reserved: reserved! };
  }

  /**
   * Takes stock for many requests under one lock of all their rows, each all or nothing, in the order of the array.
   * A refused one has changed nothing, so that the others may commit.
   */
  async grouped(tx: Tx, requests: ReservationRequest[]): Promise<ReserveOutcome[]> {
    const products = await productsOf(tx, requests);
    const outcomes = new Map<ReservationRequest, ReserveOutcome>();
    for (const request of requests) {
      const refused = refuseBeforeTaking(request, products) ?? refuseBeforeSale(request, products);
      if (refused) outcomes.set(request, { refused });
    }
    const waiting = requests
      .filter((request) => !outcomes.has(request))
      .map((request) => ({ request, demands: demandsOf(request, products) }));
    const levels = await this.lock(
      tx,
      waiting.flatMap(({ demands }) => demands),
    );
    const lockedAt = new Date(Math.max(...levels.map(({ now }) => now.getTime())));
    const asking = waiting.filter(({ request }) => {
      const refused = levels.length > 0 ? refuseOffSale(skusOf(request), products, lockedAt) : undefined;
      if (refused) outcomes.set(request, { refused });
      return !refused;
    });
    // Counted under the locks of the stock rows, so that no other transaction can add to the count.
    const limits = await CustomerLimits.count(tx, asking, products);
    const checkouts = asking.map(({ demands }) => demands);
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

  private async lock(tx: Tx, demands: StockDemand[]): Promise<LockedLevel[]> {
    refuseUngroupable(demands);
    const startedAt = performance.now();
    const levels = await lockLevels(tx, demands);
    const ms = performance.now() - startedAt;
    const buyers = new Map<string, number>();
    for (const { sku } of demands) buyers.set(sku, (buyers.get(sku) ?? 0) + 1);
    for (const [sku, count] of buyers) this.contention.noteTake(sku, 'grouped', ms, count);
    return levels;
  }
}

const skusOf = ({ lines }: ReservationRequest) => lines.map(({ sku }) => sku);

/** By the time at which the products were read. */
function refuseBeforeSale(request: ReservationRequest, products: Map<string, FoundProduct>) {
  const [first] = products.values();
  return refuseOffSale(skusOf(request), products, first!.readAt);
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

function productsOf(tx: Tx, requests: ReservationRequest[]): Promise<Map<string, FoundProduct>> {
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

function demandsOf(request: ReservationRequest, products: Map<string, Product>): StockDemand[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of request.lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  const inLockOrder = [...quantities];
  // guard: stock-lock-order
  inLockOrder.sort(([one], [other]) => (one < other ? -1 : 1));
  return inLockOrder.map(([sku, quantity]) => {
    const product = products.get(sku)!;
    const way = wayThroughPools({ pools: product.pools, isLimited: limitsCustomers(product) }, request);
    return { sku, quantity, ...way };
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
