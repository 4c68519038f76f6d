import { intakeBounds } from '../../inventory/allocation/demand-metrics';
import type { ActivityFacts } from '../activity/activity';
import { type ActivityLog, addedUp, quantileOf } from '../activity/activity-log';
import { type OrderCounts, noCounts, type PlacedToday, chartSeconds } from './order-rates';

/** A rate is the mean of this many whole seconds: quick, and still readable. */
const nowSeconds = 3;
const latencySeconds = 10;
const demandSeconds = 60;
/** The longest acceptable wait; beyond it the number is amber. */
const intakeBoundMs = 250;

export interface RateSources {
  /** The second that has not ended yet, by the database's clock. */
  second: number;
  orders: ReadonlyMap<number, OrderCounts>;
  log: ActivityLog;
  today: PlacedToday | null;
}

/** The numbers at the top of the overview, and their last five minutes. */
export function ratesOf({ second, orders, log, today }: RateSources) {
  const from = second - chartSeconds;
  const seconds = Array.from({ length: chartSeconds }, (_, nth) => from + nth);
  const counts = seconds.map((at) => orders.get(at) ?? noCounts());
  const factsBySecond = seconds.map((at) => log.between(at, at + 1));
  const column = (of: keyof OrderCounts) => counts.map((one) => one[of]);
  const soldOut = factsBySecond.map((facts) => facts.reduce((sum, one) => sum + (one.soldOut ?? 0), 0));
  const rate = (values: number[]) => rateOf(values, from);
  return {
    ordersAccepted: rate(column('accepted')),
    reservationsTaken: { ...rate(column('taken')), withoutOrder: meanOfLast(column('withoutOrder')) },
    ordersPlaced: {
      ...rate(column('placed')),
      today: today && { ...today, since: today.since.toISOString() },
    },
    soldOut: { ...rate(soldOut), ...mostWanted(log, second) },
    declined: rate(column('declined')),
    expired: rate(column('expired')),
    intake: { ...intakeOf(factsBySecond.slice(-latencySeconds).flat()), boundMs: intakeBoundMs },
    series: {
      from: isoOf(from),
      ordersAccepted: column('accepted'),
      reservationsTaken: column('taken'),
      ordersPlaced: column('placed'),
      soldOut,
      declined: column('declined'),
      intakeP99Ms: factsBySecond.map((facts) => intakeOf(facts).p99Ms),
    },
  };
}

function rateOf(values: number[], from: number) {
  const most = Math.max(...values);
  return {
    now: meanOfLast(values),
    peak: most > 0 ? { perSecond: most, at: isoOf(from + values.lastIndexOf(most)) } : null,
  };
}

const meanOfLast = (values: number[]) =>
  values.slice(-nowSeconds).reduce((sum, value) => sum + value, 0) / nowSeconds;

const isoOf = (second: number) => new Date(second * 1_000).toISOString();

function intakeOf(facts: ActivityFacts[]) {
  const counts = addedUp(facts.map(({ intake }) => intake));
  const ms = (share: number) => {
    const seconds = quantileOf(counts, intakeBounds, share);
    return seconds === null ? null : seconds * 1_000;
  };
  return { p50Ms: ms(0.5), p99Ms: ms(0.99) };
}

export interface SkuDemand {
  sku: string;
  taken: number;
  refused: number;
}

/** DemandMetrics of the last minute, highest first. */
export function demandOf(log: ActivityLog, second: number): SkuDemand[] {
  const bySku = new Map<string, SkuDemand>();
  for (const { demand = {} } of log.between(second - demandSeconds, second)) {
    for (const [sku, { taken, refused }] of Object.entries(demand)) {
      const sum = bySku.get(sku) ?? { sku, taken: 0, refused: 0 };
      bySku.set(sku, { sku, taken: sum.taken + taken, refused: sum.refused + refused });
    }
  }
  const wanted = (one: SkuDemand) => one.taken + one.refused;
  return [...bySku.values()].sort((a, b) => wanted(b) - wanted(a) || (a.sku < b.sku ? -1 : 1));
}

/** The SKU with the most "sold out" responses, and when its last unit was reserved. */
function mostWanted(log: ActivityLog, second: number): { sku: string | null; goneAt: string | null } {
  const refused = demandOf(log, second).filter((one) => one.refused > 0);
  const sku = refused.sort((a, b) => b.refused - a.refused)[0]?.sku;
  if (sku === undefined) return { sku: null, goneAt: null };
  for (let at = second - 1; at >= second - chartSeconds; at--)
    if (log.between(at, at + 1).some(({ demand }) => (demand?.[sku]?.taken ?? 0) > 0))
      return { sku, goneAt: isoOf(at) };
  return { sku, goneAt: null };
}

export const perSecond = (count: number) => count / demandSeconds;
