import { type LedgerRow, compareWithLedger } from '../src/audit/ledger';

/** An order as the API reports it. */
export interface OrderFacts {
  id: string;
  status: string;
  lines: { sku: string; quantity: number }[];
  total: { amount: number; currency: string };
  saga: { status: string };
  customerId?: string;
  createdAt?: string;
}

/** A stock level after the sale, as the API reports it. */
export interface StockFacts {
  sku: string;
  onHand: number;
  reserved: number;
  available: number;
}

/** The records of a sale after its end. */
export interface SaleFacts {
  stock: StockFacts[];
  /** The start of the sale; undefined: it was open before. */
  opensAt?: string;
  perCustomer?: number;
  /** Units left per SKU after the last buyer, before refused buyers came back. */
  leftOver: Record<string, number>;
  orders: OrderFacts[];
  /** The payment provider's ledger; undefined where it cannot be read. */
  ledger: LedgerRow[] | undefined;
  /** What the service reported to the buyers. */
  reported: {
    orderIds: string[];
    refusedBySku: Record<string, number>;
    reservedBySku: Record<string, number>;
    contradictions: string[];
    oddAnswers: string[];
    unexpected: number;
    secondCards: string[];
  };
  /** Buyers who came back while units were left and were refused again. */
  refusedAtTheEnd: number;
  brokenInvariants: string[];
}

export interface Verdict {
  placed: number;
  oversold: number;
  soldShort: number;
  doubleCharges: number;
  /** Orders that were placed by a second card. */
  saved: number;
  /** One line per failure. */
  failures: string[];
}

const settled = ({ saga }: OrderFacts) => saga.status === 'completed' || saga.status === 'compensated';

/** Checks every promise against the records. */
export function judge(facts: SaleFacts): Verdict {
  const placed = facts.orders.filter(({ status }) => status === 'placed');
  const oversold = sum(facts.stock.map((level) => oversoldUnits(level, placed)));
  const short = facts.stock.map(({ sku }) => soldShortUnits(sku, facts));
  const money = moneyFailures(facts);
  const failures = [
    ...(oversold > 0 ? [`${oversold} units were sold that were not there`] : []),
    ...facts.stock.flatMap(({ sku }, nth) =>
      short[nth]! > 0 ? [`${short[nth]} units of ${sku} were left although buyers were refused`] : [],
    ),
    ...(facts.refusedAtTheEnd > 0
      ? [`${facts.refusedAtTheEnd} buyers were refused in the end although units were left`]
      : []),
    ...inOne(facts.reported.contradictions, 'refusals contradict themselves'),
    ...inOne(lostOrders(facts), 'orders were accepted but do not exist'),
    ...inOne(earlyOrders(facts), 'orders were accepted before the sale began'),
    ...inOne(beyondLimit(facts, placed), 'customers have more units than allowed'),
    ...unsettled(facts.orders),
    ...money.failures,
    ...inOne(facts.reported.oddAnswers, 'unexpected responses', facts.reported.unexpected),
    ...facts.brokenInvariants,
  ];
  return {
    placed: placed.length,
    oversold,
    soldShort: sum(short) + facts.refusedAtTheEnd,
    doubleCharges: money.doubleCharges,
    saved: placed.filter(({ id }) => facts.reported.secondCards.includes(id)).length,
    failures,
  };
}

/** The number of failures of one kind, and the first of them. */
const inOne = (all: string[], what: string, count = all.length) =>
  count > 0 ? [`${count} ${what}, such as: ${all[0]}`] : [];

function oversoldUnits({ sku, onHand, available }: StockFacts, placed: OrderFacts[]): number {
  const sold = sum(placed.flatMap(({ lines }) => unitsOf(sku, lines)));
  return Math.max(0, sold - onHand, -available);
}

/**
 * Units that were left although a buyer was refused. Units that came back late (a declined card, an expired reservation) do
 * not count: the refusals before that were right.
 */
function soldShortUnits(sku: string, { leftOver, orders, reported }: SaleFacts): number {
  if (!reported.refusedBySku[sku]) return 0;
  const ended = orders.filter(({ status }) => status !== 'placed' && status !== 'pending');
  const cameBack =
    sum(ended.flatMap(({ lines }) => unitsOf(sku, lines))) + (reported.reservedBySku[sku] ?? 0);
  return Math.max(0, (leftOver[sku] ?? 0) - cameBack);
}

const unitsOf = (sku: string, lines: OrderFacts['lines']) =>
  lines.filter((line) => line.sku === sku).map(({ quantity }) => quantity);

function lostOrders({ orders, reported }: SaleFacts): string[] {
  const there = new Set(orders.map(({ id }) => id));
  return reported.orderIds.filter((id) => !there.has(id));
}

/** Both times are the database's. */
function earlyOrders({ orders, opensAt }: SaleFacts): string[] {
  if (opensAt === undefined) return [];
  const start = Date.parse(opensAt);
  return orders.filter(({ createdAt }) => !(Date.parse(createdAt!) >= start)).map(({ id }) => id);
}

function beyondLimit({ perCustomer, stock }: SaleFacts, placed: OrderFacts[]): string[] {
  if (perCustomer === undefined) return [];
  return stock.flatMap(({ sku }) => {
    const units = new Map<string, number>();
    for (const { customerId, lines } of placed)
      units.set(customerId!, (units.get(customerId!) ?? 0) + sum(unitsOf(sku, lines)));
    return [...units].filter(([, has]) => has > perCustomer).map(([id, has]) => `${id} has ${has} of ${sku}`);
  });
}

function unsettled(orders: OrderFacts[]): string[] {
  const open = orders.filter((order) => !settled(order)).length;
  return open > 0 ? [`${open} orders had not ended in time`] : [];
}

function moneyFailures({ orders, ledger, reported }: SaleFacts): {
  doubleCharges: number;
  failures: string[];
} {
  if (ledger === undefined) return { doubleCharges: 0, failures: [] };
  // A sandbox that ran before also knows other orders.
  const ours = new Set([...orders.map(({ id }) => id), ...reported.orderIds]);
  const rows = ledger.filter(({ orderId }) => ours.has(orderId));
  const totals = new Map(orders.map(({ id, total }) => [id, total.amount]));
  const twice = rows.filter(({ orderId, captured }) => captured > (totals.get(orderId) ?? 0));
  const facts = orders.map((order) => ({
    id: order.id,
    status: order.status,
    total: order.total.amount,
    currency: order.total.currency,
    settled: settled(order),
  }));
  const disagreements = compareWithLedger(facts, rows).map(
    ({ invariant, orderId, what }) => `${invariant} ${orderId}: ${what}`,
  );
  return {
    doubleCharges: twice.length,
    failures: [...twice.map(({ orderId }) => `${orderId} was charged more than its total`), ...disagreements],
  };
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
