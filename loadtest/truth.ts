import { type LedgerRow, compareWithLedger } from '../src/audit/ledger';

/** An order as the API tells it. */
export interface OrderTruth {
  id: string;
  status: string;
  lines: { sku: string; quantity: number }[];
  total: { amount: number; currency: string };
  saga: { status: string };
}

/** A product when all is over, as the API tells it. */
export interface StockTruth {
  sku: string;
  onHand: number;
  reserved: number;
  available: number;
}

/** Everything that witnesses of a sale say when it is over. */
export interface SaleFacts {
  stock: StockTruth[];
  /** Units that nobody had when the last buyer was gone, before any was offered again; by SKU. */
  leftOver: Record<string, number>;
  orders: OrderTruth[];
  /** The payment provider's own books; undefined where they cannot be read. */
  ledger: LedgerRow[] | undefined;
  /** What the buyers themselves were told. */
  told: {
    orderIds: string[];
    refusedBySku: Record<string, number>;
    reservedBySku: Record<string, number>;
    contradictions: string[];
    oddAnswers: string[];
    unexpected: number;
  };
  /** Buyers who came back when all was quiet and units were left, and got none all the same. */
  sentAwayAtTheEnd: number;
  brokenInvariants: string[];
}

export interface Verdict {
  placed: number;
  oversold: number;
  soldShort: number;
  doubleCharges: number;
  /** What is wrong, a line for each; nothing when all is right. */
  failures: string[];
}

const settled = ({ saga }: OrderTruth) => saga.status === 'completed' || saga.status === 'compensated';

/** Holds what was promised against what is there. */
export function judge(facts: SaleFacts): Verdict {
  const placed = facts.orders.filter(({ status }) => status === 'placed');
  const oversold = sum(facts.stock.map((level) => oversoldUnits(level, placed)));
  const short = facts.stock.map(({ sku }) => soldShortUnits(sku, facts));
  const money = moneyFailures(facts);
  const failures = [
    ...(oversold > 0 ? [`${oversold} units were sold that were not there`] : []),
    ...facts.stock.flatMap(({ sku }, nth) =>
      short[nth]! > 0
        ? [`${short[nth]} units of ${sku} were left, and buyers were told there were none`]
        : [],
    ),
    ...(facts.sentAwayAtTheEnd > 0
      ? [`${facts.sentAwayAtTheEnd} buyers were sent away from what nobody else had`]
      : []),
    ...inOne(facts.told.contradictions, 'refusals contradict themselves'),
    ...inOne(lostOrders(facts), 'orders were accepted, and are not there'),
    ...unsettled(facts.orders),
    ...money.failures,
    ...inOne(facts.told.oddAnswers, 'answers nobody expects', facts.told.unexpected),
    ...facts.brokenInvariants,
  ];
  return {
    placed: placed.length,
    oversold,
    soldShort: sum(short) + facts.sentAwayAtTheEnd,
    doubleCharges: money.doubleCharges,
    failures,
  };
}

/** How many of a kind, and what the first of them is. */
const inOne = (all: string[], what: string, count = all.length) =>
  count > 0 ? [`${count} ${what}, such as: ${all[0]}`] : [];

function oversoldUnits({ sku, onHand, available }: StockTruth, placed: OrderTruth[]): number {
  const sold = sum(placed.flatMap(({ lines }) => unitsOf(sku, lines)));
  return Math.max(0, sold - onHand, -available);
}

/**
 * Units that were left although somebody was refused for want of them. Those that came back late (a declined card, a
 * reservation that expired) may rightly be left: whoever was refused before then was told the truth.
 */
function soldShortUnits(sku: string, { leftOver, orders, told }: SaleFacts): number {
  if (!told.refusedBySku[sku]) return 0;
  const ended = orders.filter(({ status }) => status !== 'placed' && status !== 'pending');
  const cameBack = sum(ended.flatMap(({ lines }) => unitsOf(sku, lines))) + (told.reservedBySku[sku] ?? 0);
  return Math.max(0, (leftOver[sku] ?? 0) - cameBack);
}

const unitsOf = (sku: string, lines: OrderTruth['lines']) =>
  lines.filter((line) => line.sku === sku).map(({ quantity }) => quantity);

function lostOrders({ orders, told }: SaleFacts): string[] {
  const there = new Set(orders.map(({ id }) => id));
  return told.orderIds.filter((id) => !there.has(id));
}

function unsettled(orders: OrderTruth[]): string[] {
  const open = orders.filter((order) => !settled(order)).length;
  return open > 0 ? [`${open} orders had not come to their end in time`] : [];
}

function moneyFailures({ orders, ledger, told }: SaleFacts): { doubleCharges: number; failures: string[] } {
  if (ledger === undefined) return { doubleCharges: 0, failures: [] };
  // A sandbox that was there before knows others' orders too.
  const ours = new Set([...orders.map(({ id }) => id), ...told.orderIds]);
  const books = ledger.filter(({ orderId }) => ours.has(orderId));
  const totals = new Map(orders.map(({ id, total }) => [id, total.amount]));
  const twice = books.filter(({ orderId, captured }) => captured > (totals.get(orderId) ?? 0));
  const facts = orders.map((order) => ({
    id: order.id,
    status: order.status,
    total: order.total.amount,
    currency: order.total.currency,
    settled: settled(order),
  }));
  const disagreements = compareWithLedger(facts, books).map(
    ({ invariant, orderId, what }) => `${invariant} ${orderId}: ${what}`,
  );
  return {
    doubleCharges: twice.length,
    failures: [...twice.map(({ orderId }) => `${orderId} was charged more than its total`), ...disagreements],
  };
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
