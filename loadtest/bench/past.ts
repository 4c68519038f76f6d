import type { Client } from 'pg';
import type { Site } from '../environment';
import { newRun } from '../sale';
import { until } from '../../test/support/until';
import { withClient } from '../database';

/** Past products, which share the past reservations. */
const skuCount = 1_000;
/** The age of the oldest copies; idempotency keys and inbox rows of that age are not pruned yet. */
const pastHours = 40;
const onHand = 1_000_000;
const rowsPerStatement = 20_000;

/** Of ten past reservations: bought, declined, expired. */
const shares = { placed: 6, declined: 2, expired: 2 };

/**
 * Fills a database with past orders. One order of each kind is made through the API; after it has ended, all its rows are
 * copied many times, each copy with its own ids, keys and times. So every invariant holds, also when a table gets another
 * column.
 */
export async function fillPast(
  site: Site,
  { reservations, onProgress }: { reservations: number; onProgress: (share: number) => void },
): Promise<void> {
  const samples = await makeSamples(site);
  await withClient(site.service!.databaseUrl, async (client) => {
    // The copies are consistent, so checking foreign keys would only take time.
    await client.query(`SET session_replication_role = replica; SET synchronous_commit = off`);
    await client.query(pastId);
    for (const { sku } of samples) await copyProduct(client, sku);
    const counts = samples.map(({ share }) => Math.round((reservations * share) / 10));
    const total = counts.reduce((sum, count) => sum + count, 0);
    let done = 0;
    for (const [nth, sample] of samples.entries()) {
      await copySample(client, sample);
      for (let from = 1; from <= counts[nth]!; from += rowsPerStatement) {
        const to = Math.min(counts[nth]!, from + rowsPerStatement - 1);
        await copyRows(client, { from, to, of: counts[nth]! });
        onProgress((done += to - from + 1) / total);
      }
    }
    await settleStock(
      client,
      samples.map(({ sku }) => sku),
    );
    await client.query('VACUUM (ANALYZE)');
    await client.query('CHECKPOINT');
  });
}

interface Sample {
  sku: string;
  share: number;
  reservationId: string;
  orderId: string | null;
}

async function makeSamples(site: Site): Promise<Sample[]> {
  const run = newRun();
  const kinds = Object.keys(shares) as (keyof typeof shares)[];
  for (const kind of kinds) await makeSample(site, `${run}-${kind}`, kind);
  await until('the samples have ended', () => isAtRest(site, run), 60_000);
  return withClient(site.service!.databaseUrl, async (client) => {
    const { rows } = await client.query<{ sku: string; reservationId: string; orderId: string | null }>(
      `SELECT l.sku, r.id AS "reservationId", r.order_id AS "orderId"
         FROM reservation_lines l JOIN reservations r ON r.id = l.reservation_id WHERE l.sku LIKE $1`,
      [`${run}-%`],
    );
    return rows.map((row) => ({ ...row, share: shares[row.sku.split('-').at(-1) as keyof typeof shares] }));
  });
}

async function makeSample(site: Site, sku: string, kind: keyof typeof shares): Promise<void> {
  const product = { name: 'Long ago', unitPrice: { amount: 1999, currency: 'EUR' }, onHand };
  await site.admin.put(`/v1/admin/products/${sku}`, product);
  const buyer = { customerId: `cus_${sku}`, lines: [{ sku, quantity: 1 }] };
  const paymentMethod = kind === 'declined' ? 'pm_card_chargeDeclined' : 'pm_card_visa';
  const answer =
    kind === 'expired'
      ? await site.admin.post('/v1/reservations', { ...buyer, ttlSeconds: 1 }, keyed(sku))
      : await site.admin.post('/v1/orders', { ...buyer, paymentMethod }, keyed(sku));
  if (answer.status >= 300) throw new Error(`The sample could not be made: ${answer.status} ${answer.text}`);
}

const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });

/** Everything of the samples has ended and was applied, so nothing of it will change. */
function isAtRest(site: Site, run: string): Promise<boolean> {
  return withClient(site.service!.databaseUrl, async (client) => {
    const { rows } = await client.query<{ open: number }>(
      `SELECT (SELECT count(*) FROM outbox WHERE applied_at IS NULL)
            + (SELECT count(*) FROM provider_events WHERE processed_at IS NULL)
            + (SELECT count(*) FROM sagas WHERE next_run_at IS NOT NULL)
            + (SELECT count(*) FROM reservation_lines l JOIN reservations r ON r.id = l.reservation_id
                WHERE l.sku LIKE $1 AND r.status IN ('active', 'pinned')) AS open`,
      [`${run}-%`],
    );
    return Number(rows[0]!.open) === 0;
  });
}

/** Past products are copies of their sample with other SKUs. */
async function copyProduct(client: Client, sku: string): Promise<void> {
  for (const table of ['products', 'stock_levels', 'stock_movements'])
    await copy(client, table, {
      source: `(SELECT * FROM ${table} WHERE sku = '${sku}')`,
      series: [0, skuCount - 1],
      set: { sku: `t.sku || '-' || i` },
    });
}

/** The tables with rows of an order or a reservation, and the condition for those of the sample. */
const belongs: Record<string, string> = {
  reservations: 'id = $2',
  reservation_lines: 'reservation_id = $2',
  orders: 'id = $1',
  order_lines: 'order_id = $1',
  sagas: 'order_id = $1',
  saga_transitions: 'order_id = $1',
  payment_operations: 'order_id = $1',
  provider_events: 'order_id = $1',
  inbox: 'message_id IN (SELECT id FROM outbox WHERE aggregate_id IN ($1, $2))',
  outbox: 'aggregate_id IN ($1, $2)',
  idempotency_keys: 'resource_id IN ($1, $2)',
};

/** Copies the sample's rows into temporary tables, where they are found quickly while the real tables grow. */
async function copySample(client: Client, { orderId, reservationId }: Sample): Promise<void> {
  const quoted = (id: string | null) => (id === null ? 'NULL::uuid' : `'${id}'::uuid`);
  for (const [table, where] of Object.entries(belongs)) {
    const own = where.replaceAll('$1', quoted(orderId)).replaceAll('$2', quoted(reservationId));
    await client.query(`DROP TABLE IF EXISTS pg_temp.sample_${table}`);
    await client.query(`CREATE TEMP TABLE sample_${table} AS SELECT * FROM ${table} WHERE ${own}`);
  }
}

async function copyRows(
  client: Client,
  { from, to, of }: { from: number; to: number; of: number },
): Promise<void> {
  const back = `make_interval(secs => ${pastHours * 3_600} * (1 - i::float8 / ${of}))`;
  for (const table of Object.keys(belongs))
    await copy(client, table, {
      source: `pg_temp.sample_${table}`,
      series: [from, to],
      set: {
        sku: `t.sku || '-' || (i % ${skuCount})`,
        fencing_token: table === 'reservation_lines' ? 't.fencing_token + i' : 't.fencing_token',
        customer_id: `t.customer_id || '-' || (i % 100000)`,
        key: `t.key || '-' || i`,
        provider_reference: `t.provider_reference || '-' || i`,
        ...(table === 'provider_events' && { id: `t.id || '-' || i` }),
      },
      ofType: {
        uuid: (column) => `pg_temp.past_id(t.${column}, i, (extract(epoch FROM ${back}) * 1000)::bigint)`,
        'timestamp with time zone': (column) => `t.${column} - ${back}`,
      },
    });
}

/** The sample's id made `ms` earlier, with the number of the copy, so that ids are in the order of their times. */
const pastId = `
  CREATE FUNCTION pg_temp.past_id(id uuid, i bigint, ms bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - ms), 12, '0')
            || substr(replace(id::text, '-', ''), 13, 8) || lpad(to_hex(i), 12, '0'))::uuid
  $$`;

export interface Copying {
  /** The rows to copy: a table, or a SELECT in parentheses. */
  source: string;
  /** `i` counts from the first to the second. */
  series: [number, number];
  /** By column, the expression that is inserted instead of the value as it is. */
  set: Record<string, string>;
  ofType?: Record<string, (column: string) => string>;
}

/** Inserts each row of the source once for every `i`, with the columns in `set` replaced. */
export async function copy(
  client: Client,
  table: string,
  { source, series: [from, to], set, ofType = {} }: Copying,
): Promise<void> {
  const { rows: columns } = await client.query<{ name: string; type: string }>(
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
      WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position`,
    [table],
  );
  const values = columns.map(({ name, type }) => set[name] ?? ofType[type]?.(name) ?? `t.${name}`);
  await client.query(
    `INSERT INTO ${table} (${columns.map(({ name }) => name).join(', ')})
     SELECT ${values.join(', ')} FROM ${source} t, generate_series(${from}::bigint, ${to}::bigint) AS i`,
  );
}

/** Sets the stock levels to what the copied lines make of them. */
async function settleStock(client: Client, skus: string[]): Promise<void> {
  for (const sku of skus)
    await client.query(
      `UPDATE stock_levels s
          SET reserved = held.quantity, fencing_token = held.token, version = s.version + held.lines
         FROM (SELECT l.sku, l.pool, count(*) AS lines, max(l.fencing_token) AS token,
                      coalesce(sum(l.quantity) FILTER (WHERE r.status = 'confirmed'), 0) AS quantity
                 FROM reservation_lines l JOIN reservations r ON r.id = l.reservation_id
                WHERE l.sku LIKE $1 GROUP BY l.sku, l.pool) held
        WHERE s.sku = held.sku AND s.pool = held.pool AND s.sku <> $2`,
      [`${sku}-%`, sku],
    );
}
