import type { Queryable } from '../../database/database';
import type { OutboxReport } from './overview.responses';

/** Counting stops here: beyond it the exact size of the backlog does not matter. */
const checkoutsCountedMax = 20_000;

export interface Flow {
  running: Record<string, number>;
  compensating: number;
  stuck: number;
  unknown: number;
  /** True: there are more than were counted. */
  capped: boolean;
}

/** Unfinished checkouts by their step. */
export async function flowNow(db: Queryable): Promise<Flow> {
  const rows = await db.rows<{ status: string; step: string; count: number }>(
    `
    SELECT status, step, count(*)::int AS count
      FROM (SELECT status, step FROM sagas WHERE status IN ('running', 'compensating', 'stuck') LIMIT $1::int) unfinished
     GROUP BY status, step
    `,
    [checkoutsCountedMax + 1],
  );
  const [unknown] = await db.rows<{ count: number }>(
    `
    SELECT count(*)::int AS count
      FROM (SELECT id FROM payment_operations WHERE status = 'unknown' LIMIT $1::int) unheard
    `,
    [checkoutsCountedMax],
  );
  const of = (status: string) => rows.filter((row) => row.status === status);
  const sum = (some: { count: number }[]) => some.reduce((all, { count }) => all + count, 0);
  return {
    running: Object.fromEntries(of('running').map(({ step, count }) => [step, count])),
    compensating: sum(of('compensating')),
    stuck: sum(of('stuck')),
    unknown: unknown!.count,
    capped: sum(rows) > checkoutsCountedMax,
  };
}

/** How many seconds each is late, or waits. */
export interface Lateness {
  expiry: number;
  outbox: number;
  sagaPastDue: number;
  unknownPayment: number;
  webhook: number;
}

/** The promised or alarm limit of each, in seconds. */
export const latenessLimits: Lateness = {
  expiry: 5,
  outbox: 10,
  sagaPastDue: 30,
  unknownPayment: 1_800,
  webhook: 60,
};

/** Each reads the first entry of an index. */
export async function latenessNow(db: Queryable): Promise<Lateness> {
  const [row] = await db.rows<Lateness>(
    `
    WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
         oldest AS MATERIALIZED (
           SELECT (SELECT min(expires_at) FROM reservations WHERE status = 'active') AS expiry,
                  (SELECT min(next_relay_at) FROM outbox WHERE applied_at IS NULL) AS outbox,
                  (SELECT min(next_run_at) FROM sagas WHERE next_run_at IS NOT NULL) AS saga,
                  (SELECT min(created_at) FROM payment_operations WHERE status = 'unknown') AS payment,
                  (SELECT min(received_at) FROM provider_events WHERE processed_at IS NULL) AS webhook)
    SELECT greatest(0, coalesce(extract(epoch FROM now - expiry), 0))::float8 AS expiry,
           greatest(0, coalesce(extract(epoch FROM now - nullif(outbox, 'infinity')), 0))::float8 AS outbox,
           greatest(0, coalesce(extract(epoch FROM now - saga), 0))::float8 AS "sagaPastDue",
           greatest(0, coalesce(extract(epoch FROM now - payment), 0))::float8 AS "unknownPayment",
           greatest(0, coalesce(extract(epoch FROM now - webhook), 0))::float8 AS webhook
      FROM clock, oldest
    `,
  );
  return row!;
}

/** Counting stops here: beyond it the exact size of the backlog does not matter. */
const messagesCountedMax = 10_000;

/** Messages not applied yet. Dead letters wait for an operator, not for a queue, and are counted apart. */
export async function outboxNow(db: Queryable): Promise<OutboxReport> {
  const [row] = await db.rows<Omit<OutboxReport, 'object' | 'capped'>>(
    `
    WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
         waiting AS MATERIALIZED (
           SELECT next_relay_at, relayed_at FROM outbox
            WHERE applied_at IS NULL AND next_relay_at < 'infinity'
            ORDER BY next_relay_at
            LIMIT $1::int)
    SELECT count(next_relay_at)::int AS waiting,
           (count(*) FILTER (WHERE next_relay_at <= now))::int AS due,
           (count(*) FILTER (WHERE relayed_at IS NOT NULL))::int AS relayed,
           greatest(0, extract(epoch FROM max(now) - min(next_relay_at) FILTER (WHERE next_relay_at <= now)))::float8
             AS "oldestSeconds",
           (SELECT count(*)::int FROM dead_letters WHERE retried_at IS NULL) AS "deadLetters"
      FROM clock LEFT JOIN waiting ON true
    `,
    [messagesCountedMax],
  );
  return { object: 'outbox', ...row!, capped: row!.waiting === messagesCountedMax };
}

/** The units of one SKU, or of all, by state. */
export interface Units {
  onHand: number;
  /** Sold, not yet shipped. */
  confirmed: number;
  pinned: number;
  active: number;
  available: number;
}

export interface AllUnits extends Units {
  skus: number;
  /** Of the active ones: back on sale within 60 s if nobody pays. */
  returningSoon: number;
  /** The SKUs with live reservations. */
  live: Map<string, { active: number; pinned: number }>;
}

/** Sums live reservations, which are few beside the ended ones; the rest of `reserved` is sold. */
export async function allUnits(db: Queryable): Promise<AllUnits> {
  const live = await db.rows<{ sku: string; active: number; pinned: number; returningSoon: number }>(
    `
    SELECT l.sku,
           coalesce(sum(l.quantity) FILTER (WHERE r.status = 'active'), 0)::bigint AS active,
           coalesce(sum(l.quantity) FILTER (WHERE r.status = 'pinned'), 0)::bigint AS pinned,
           coalesce(sum(l.quantity) FILTER (WHERE r.status = 'active' AND r.expires_at < clock_timestamp() + interval '60 seconds'),
                    0)::bigint AS "returningSoon"
      FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id
     WHERE r.status IN ('active', 'pinned')
     GROUP BY l.sku
    `,
  );
  const [total] = await db.rows<{ skus: number; onHand: number; reserved: number; available: number }>(
    `
    SELECT count(DISTINCT sku)::int AS skus, coalesce(sum(on_hand), 0)::bigint AS "onHand",
           coalesce(sum(reserved), 0)::bigint AS reserved,
           coalesce(sum(greatest(0, on_hand - reserved - safety_stock)), 0)::bigint AS available
      FROM stock_levels
    `,
  );
  const sum = (of: 'active' | 'pinned' | 'returningSoon') => live.reduce((all, row) => all + row[of], 0);
  return {
    ...unitsFrom(total!, { active: sum('active'), pinned: sum('pinned') }),
    skus: total!.skus,
    returningSoon: sum('returningSoon'),
    live: new Map(live.map(({ sku, active, pinned }) => [sku, { active, pinned }])),
  };
}

export interface ProductStock {
  sku: string;
  name: string;
  strategy: string;
  onHand: number;
  reserved: number;
  available: number;
}

export function productStocks(db: Queryable, skus: string[]): Promise<ProductStock[]> {
  return db.rows<ProductStock>(
    `
    SELECT p.sku, p.name, p.strategy, sum(s.on_hand)::bigint AS "onHand", sum(s.reserved)::bigint AS reserved,
           greatest(0, sum(s.on_hand - s.reserved) - p.safety_stock)::bigint AS available
      FROM products p JOIN stock_levels s USING (sku)
     WHERE p.sku = ANY ($1::text[])
     GROUP BY p.sku
    `,
    [skus],
  );
}

/** The two are read a moment apart and may disagree slightly; nothing is shown below zero. */
export function unitsFrom(
  { onHand, reserved, available }: { onHand: number; reserved: number; available: number },
  { active, pinned }: { active: number; pinned: number },
): Units {
  const confirmed = Math.max(0, reserved - active - pinned);
  return { onHand, confirmed, pinned, active, available };
}
