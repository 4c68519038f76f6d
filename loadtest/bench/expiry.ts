import { randomUUID } from 'node:crypto';
import type { Crowd } from '../crowd';
import type { Plan } from '../plan';
import { newRun, putOnSale } from '../sale';
import type { Site } from '../environment';
import type { Tally } from '../tally';
import { copy } from './past';
import { withClient } from '../database';

/** New orders per second: enough for percentiles, few enough for a slow machine. */
const ordersPerSecond = 100;
const calmSeconds = 5;
/** How fast a slow machine makes the rows. */
const rowsPerSecondMin = 5_000;
/** How long orders are measured during the storm, and how long its end is waited for. */
const stormSeconds = 10;
const giveUpMs = 300_000;
const pollEveryMs = 50;

export interface ExpiryResult {
  /** From the expiry time until the stock of the last reservation was back. */
  releasedMs: number;
  calm: Tally;
  storm: Tally;
}

/** Expires many reservations in the same second, on the product that buyers are ordering. */
export async function expireAtOnce(
  site: Site,
  crowd: Crowd,
  { reservations, seed }: { reservations: number; seed: number },
): Promise<ExpiryResult> {
  const run = newRun();
  const stock = reservations + 1_000_000;
  const [sku = ''] = await putOnSale(site, { strategy: 'adaptive', stock, skus: 1, run });
  const buy = (part: string, seconds: number): Promise<Tally> => {
    const load = { kind: 'open', buyers: ordersPerSecond * seconds, rate: ordersPerSecond } as const;
    const { apis: urls, clientKey } = site;
    const buying = { skus: [sku], lines: 1, declineRate: 0, abandonRate: 0, seed };
    return crowd.run({ urls, clientKey, run: `${run}-${part}`, ...buying, load } satisfies Plan);
  };
  await buy('warm', 2);
  const calm = await buy('calm', calmSeconds);
  const { endsAt, inMs } = await reserveMany(site, sku, reservations);
  await new Promise((resolve) => setTimeout(resolve, inMs));
  const [storm, releasedMs] = await Promise.all([buy('storm', stormSeconds), untilReleased(site, endsAt)]);
  return { releasedMs, calm, storm };
}

/** Makes one reservation through the API and copies it; all copies expire a moment from now. */
async function reserveMany(site: Site, sku: string, count: number): Promise<{ endsAt: Date; inMs: number }> {
  const key = randomUUID();
  const body = { customerId: 'cus_storm', lines: [{ sku, quantity: 1 }], ttlSeconds: 3_600 };
  const answer = await site.admin.post('/v1/reservations', body, { headers: { 'idempotency-key': key } });
  if (answer.status !== 201) throw new Error(`The reservation failed: ${answer.status} ${answer.text}`);
  return withClient(site.service!.databaseUrl, async (client) => {
    await client.query(`SET session_replication_role = replica; SET synchronous_commit = off`);
    const { rows } = await client.query<{ id: string; endsAt: Date }>(
      `SELECT reservation_id AS id, clock_timestamp() + make_interval(secs => $2) AS "endsAt"
         FROM reservation_lines WHERE sku = $1 ORDER BY fencing_token DESC LIMIT 1`,
      [sku, 2 + count / rowsPerSecondMin],
    );
    const { id, endsAt } = rows[0]!;
    const own = (table: string, column: string) => `(SELECT * FROM ${table} WHERE ${column} = '${id}')`;
    const newId = (column: string) =>
      `(left(t.${column}::text, 23) || '-' || lpad(to_hex(i), 12, '0'))::uuid`;
    const series: [number, number] = [1, count];
    const expiry = `'${endsAt.toISOString()}'::timestamptz`;
    await copy(client, 'reservations', {
      source: own('reservations', 'id'),
      series,
      set: { id: newId('id'), expires_at: expiry, customer_id: `'cus_storm_' || i` },
    });
    await copy(client, 'reservation_lines', {
      source: own('reservation_lines', 'reservation_id'),
      series,
      set: { reservation_id: newId('reservation_id'), fencing_token: 't.fencing_token + i' },
    });
    await client.query(
      `UPDATE stock_levels SET reserved = reserved + $2, fencing_token = fencing_token + $2 WHERE sku = $1`,
      [sku, count],
    );
    await client.query('VACUUM (ANALYZE) reservations, reservation_lines');
    const left = await client.query<{ ms: number }>(
      `SELECT extract(epoch FROM $1::timestamptz - clock_timestamp()) * 1000 AS ms`,
      [endsAt],
    );
    const inMs = Number(left.rows[0]!.ms);
    if (inMs < 0)
      throw new Error(`This machine made ${count} reservations too slowly: they had already expired.`);
    return { endsAt, inMs };
  });
}

/** Milliseconds from now until all are released. */
function untilReleased(site: Site, endsAt: Date): Promise<number> {
  const startedAt = performance.now();
  return withClient(site.service!.databaseUrl, async (client) => {
    for (;;) {
      const { rows } = await client.query<{ due: boolean }>(
        `SELECT EXISTS (SELECT FROM reservations WHERE status = 'active' AND expires_at <= $1) AS due`,
        [endsAt],
      );
      const ms = performance.now() - startedAt;
      if (!rows[0]!.due) return ms;
      if (ms > giveUpMs)
        throw new Error(`Reservations were still active ${giveUpMs / 1_000} s after their expiry.`);
      await new Promise((resolve) => setTimeout(resolve, pollEveryMs));
    }
  });
}
