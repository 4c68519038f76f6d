import type { Client } from 'pg';
import { withClient } from '../database';
import type { Site } from '../environment';

/** Requests per list, one after the other, of which the median is reported. */
const times = 15;

export interface ListTimes {
  /** One order by its id, the lower limit for a list. */
  byKeyMs: number;
  lists: { path: string; ms: number }[];
}

/**
 * How long an operator's lists take over HTTP, compared with a read by primary key. The filters match common and rare rows:
 * full pages, pages that are never full, and pages deep in the past.
 */
export async function measureLists(site: Site): Promise<ListTimes> {
  await withClient(site.service!.databaseUrl, makeRarities);
  const { id: order, customer, sku } = await anOrder(site);
  const paths = [
    'orders',
    'orders?status=placed',
    'orders?status=pending',
    'orders?status=cancelled,refunded',
    'orders?sagaStatus=stuck&step=capture-payment',
    'orders?status=rejected&sagaStatus=compensating,stuck',
    'orders?paymentStatus=unknown',
    `orders?customerId=${customer}`,
    `orders?from=${hoursAgo(30)}&to=${hoursAgo(29)}`,
    `orders?status=rejected&from=${hoursAgo(30)}&to=${hoursAgo(29)}`,
    'reservations',
    'reservations?status=active,pinned&sort=ends',
    'reservations?status=released',
    'reservations?status=expired,confirmed',
    'reservations?expiringWithinSeconds=60',
    `reservations?sku=${sku}`,
    `reservations?sku=${sku}&status=active,pinned&sort=ends`,
    `reservations?customerId=${customer}`,
    `reservations/returning?sku=${sku}`,
    'review',
    'actions',
    'events',
    `products/${sku}`,
    `find?q=${customer}`,
  ];
  const byKeyMs = await medianMs(site, `/v1/orders/${order}`);
  const lists: ListTimes['lists'] = [];
  for (const path of paths)
    lists.push({ path: lasting(path), ms: await medianMs(site, `/v1/admin/${path}`) });
  for (const path of ['orders?limit=20', 'reservations?limit=20'])
    lists.push({ path: `${path}, in the middle`, ms: await medianMs(site, await deepPage(site, path)) });
  return { byKeyMs, lists };
}

/** The path without the names and times of this run. */
const lasting = (path: string) => path.replace(/=(cus_|SALE-|20\d\d-)[^&]*/g, '=…').replace(/SALE-.*/, '…');

interface Listed {
  id: string;
  customerId: string;
  lines: { sku: string }[];
}

async function anOrder(site: Site): Promise<{ id: string; customer: string; sku: string }> {
  const answer = await site.admin.get('/v1/admin/orders?status=placed&limit=1');
  const [order] = (answer.body as { data: Listed[] }).data;
  if (!order) throw new Error(`There is no past: ${answer.text}`);
  return { id: order.id, customer: order.customerId, sku: order.lines[0]!.sku };
}

const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();

async function medianMs(site: Site, path: string): Promise<number> {
  const taken: number[] = [];
  for (let nth = 0; nth < times; nth++) {
    const startedAt = performance.now();
    const { status, text } = await site.admin.get(path);
    taken.push(performance.now() - startedAt);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
  }
  return taken.sort((a, b) => a - b)[times >> 1]!;
}

/** The page that follows a row in the middle of the past. */
async function deepPage(site: Site, path: string): Promise<string> {
  const table = path.split('?')[0]!;
  return withClient(site.service!.databaseUrl, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM ${table} ORDER BY id OFFSET (SELECT count(*) / 2 FROM ${table}) LIMIT 1`,
    );
    return `/v1/admin/${path}&cursor=${Buffer.from(rows[0]!.id).toString('base64url')}`;
  });
}

/**
 * Adds rare rows to the past: three old orders that are stuck, three old reservations that were released, and a thousand
 * active ones. (The database is dropped afterwards.)
 */
async function makeRarities(client: Client): Promise<void> {
  await client.query(`SET session_replication_role = replica`);
  const old = `SELECT id, reservation_id FROM orders ORDER BY id OFFSET (SELECT count(*) / 2 FROM orders) LIMIT 3`;
  await client.query(`CREATE TEMP TABLE rare AS ${old}`);
  await client.query(
    `UPDATE orders SET status = 'pending', rejection_reason = NULL, placed_at = NULL, ended_at = NULL
      WHERE id IN (SELECT id FROM rare)`,
  );
  await client.query(
    `UPDATE sagas SET status = 'stuck', step = 'capture-payment', ends_as = NULL WHERE order_id IN (SELECT id FROM rare)`,
  );
  await client.query(
    `UPDATE payment_operations SET status = 'unknown', settled_at = NULL, attempt = 3
      WHERE kind = 'capture' AND order_id IN (SELECT id FROM rare)`,
  );
  await client.query(
    `UPDATE reservations SET status = 'released'
      WHERE id IN (SELECT id FROM reservations WHERE status = 'expired'
                    ORDER BY id OFFSET (SELECT count(*) / 3 FROM reservations WHERE status = 'expired') LIMIT 3)`,
  );
  await client.query(
    `UPDATE reservations SET status = 'active', ended_at = NULL, end_reason = NULL,
                             expires_at = clock_timestamp() + random() * interval '10 minutes'
      WHERE id IN (SELECT id FROM reservations WHERE status = 'expired' ORDER BY id DESC LIMIT 1000)`,
  );
  await client.query('VACUUM (ANALYZE)');
}
