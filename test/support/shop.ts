import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import type { LedgerRow } from '../../src/audit/ledger';
import { findings, readLedger } from './audit';
import { type Answer, HttpClient } from './http-client';
import { type Service, type ServiceOptions, startService } from './service';
import { until } from './until';

/** Three processes, a database and perhaps a Redis, each slow on a busy machine. */
const openMsMax = 90_000;

export interface OrderOptions {
  by?: HttpClient;
  key?: string;
  waitSeconds?: number;
}

/** A running service with its callers and helpers for tests. Opened before a suite, closed after it. */
export class Shop {
  service!: Service;
  client!: HttpClient;
  admin!: HttpClient;
  viewer!: HttpClient;
  /** A caller without a key. */
  stranger!: HttpClient;
  private db: Pool | undefined;

  async open(options: ServiceOptions): Promise<void> {
    this.service = await startService(options);
    const [base = ''] = this.service.apis;
    this.client = new HttpClient(base, 'hf_dev_client');
    this.admin = new HttpClient(base, 'hf_dev_admin');
    this.viewer = new HttpClient(base, 'hf_dev_viewer');
    this.stranger = new HttpClient(base);
  }

  async close(): Promise<void> {
    await this.db?.end();
    await (this.service as Service | undefined)?.stop();
  }

  /** Restarts processes that a test has left dead. */
  async revive(...names: string[]): Promise<void> {
    const dead = names.filter((name) => this.service.pidOf(name) === undefined);
    await Promise.all(dead.map((name) => this.service.restart(name)));
  }

  /** The database, for facts that no call shows. */
  async query<R>(sql: string, parameters: unknown[] = []): Promise<R[]> {
    this.db ??= this.connect();
    return (await this.db.query(sql, parameters)).rows as R[];
  }

  private connect(): Pool {
    const db = new Pool({ connectionString: this.service.databaseUrl, max: 4 });
    // What a test does to the database may cut this connection too; the next query opens a new one.
    return db.on('error', () => undefined);
  }

  /** A second client of the service, with its own key. */
  async newClient(): Promise<HttpClient> {
    const key = `hf_test_${randomUUID()}`;
    const sha256 = createHash('sha256').update(key).digest();
    await this.query('INSERT INTO api_keys (id, name, role, key_sha256) VALUES ($1, $2, $3, $4)', [
      randomUUID(),
      `client ${key}`,
      'client',
      sha256,
    ]);
    return new HttpClient(this.client.base, key);
  }

  /** Creates a product; returns its SKU. */
  async product(onHand: number, more: Record<string, unknown> = {}): Promise<string> {
    const sku = `SKU-${randomUUID().slice(0, 8)}`;
    const body = { name: `Product ${sku}`, unitPrice: { amount: 1999, currency: 'EUR' }, onHand, ...more };
    const answer = await this.admin.put(`/v1/admin/products/${sku}`, body);
    if (answer.status !== 201) throw new Error(`PUT product: ${answer.status} ${answer.text}`);
    return sku;
  }

  /** `POST /v1/orders` of one unit by a new customer with a good card, unless `body` says otherwise. */
  order(
    body: Record<string, unknown>,
    { by = this.client, key = randomUUID(), waitSeconds }: OrderOptions = {},
  ): Promise<Answer> {
    const prefer = waitSeconds === undefined ? undefined : { prefer: `wait=${waitSeconds}` };
    const whole = { customerId: `cus_${randomUUID()}`, paymentMethod: 'pm_card_visa', ...body };
    return by.post('/v1/orders', whole, { headers: { 'idempotency-key': key, ...prefer } });
  }

  /** A placed order of one line. */
  async placed(sku: string, quantity = 1): Promise<any> {
    const answer = await this.order({ lines: [{ sku, quantity }] }, { waitSeconds: 30 });
    if (answer.status !== 201) throw new Error(`POST order: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  reserve(
    body: Record<string, unknown>,
    { by = this.client, key = randomUUID() }: OrderOptions = {},
  ): Promise<Answer> {
    const whole = { customerId: `cus_${randomUUID()}`, ...body };
    return by.post('/v1/reservations', whole, { headers: { 'idempotency-key': key } });
  }

  /** A reservation of one line. */
  async reserved(sku: string, quantity = 1, more: Record<string, unknown> = {}): Promise<any> {
    const answer = await this.reserve({ lines: [{ sku, quantity }], ...more });
    if (answer.status !== 201) throw new Error(`POST reservation: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  /** Sends `cancel` or `refund` and waits for the end. */
  requestCancellation(
    orderId: string,
    by: 'cancel' | 'refund',
    { key = randomUUID(), waitSeconds = 30 }: OrderOptions = {},
  ): Promise<Answer> {
    const headers = { 'idempotency-key': key, prefer: `wait=${waitSeconds}` };
    return this.client.post(`/v1/orders/${orderId}/${by}`, {}, { headers });
  }

  async available(sku: string): Promise<number> {
    return (await this.client.get(`/v1/stock/${sku}`)).body.available;
  }

  async untilAvailable(sku: string, units: number): Promise<void> {
    await until(`${units} of ${sku} are available`, async () => (await this.available(sku)) === units);
  }

  /** The expired reservations of a SKU, and how many of them ended too early by the database's clock. */
  async expired(sku: string): Promise<{ reservations: number; early: number }> {
    // The end is the database's clock in whole milliseconds, because it passes through the process.
    const early = `ended_at < date_trunc('milliseconds', expires_at)`;
    const [counts] = await this.query<{ reservations: number; early: number }>(
      `SELECT count(*)::int AS reservations, count(*) FILTER (WHERE ${early})::int AS early
         FROM reservations JOIN reservation_lines ON reservation_id = id
        WHERE sku = $1 AND status = 'expired'`,
      [sku],
    );
    return counts!;
  }

  async orderNow(orderId: string): Promise<any> {
    return (await this.admin.get(`/v1/orders/${orderId}`)).body;
  }

  /** The order when its saga has ended. */
  untilEnded(orderId: string): Promise<any> {
    return until(`order ${orderId} ends`, async () => {
      const order = await this.orderNow(orderId);
      return ['completed', 'compensated'].includes(order?.saga?.status) && order;
    });
  }

  /** The payment provider's ledger, by order. */
  async ledger(): Promise<Map<string, LedgerRow>> {
    return new Map((await readLedger(this.service.sandboxUrl)).map((row) => [row.orderId, row]));
  }

  async ledgerRow(orderId: string): Promise<LedgerRow | undefined> {
    return (await this.ledger()).get(orderId);
  }

  /** Every page of a list, in order. */
  async all(path: string, limit = 100, by = this.admin): Promise<any[]> {
    const found: any[] = [];
    for (let cursor = ''; ;) {
      const { body } = await by.get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor}`);
      found.push(...body.data);
      if (!body.hasMore) return found;
      cursor = `&cursor=${body.nextCursor}`;
    }
  }

  /** Waits until no work is left, then expects no failure of the audit. */
  async expectAudit(): Promise<void> {
    await until('no saga is under way', async () => {
      const { body } = await this.admin.get('/v1/admin/orders?sagaStatus=running,compensating&limit=1');
      return body.data.length === 0;
    });
    assert.deepEqual(await findings(this), []);
  }
}

/** A shop for the surrounding suite: open while its tests run. */
export function openShop(options: ServiceOptions): Shop {
  const shop = new Shop();
  beforeAll(() => shop.open(options), openMsMax);
  afterAll(() => shop.close(), openMsMax);
  return shop;
}

/** Runs `work` for 0 … count−1, at most `atOnce` at a time. */
export async function inParallel<T>(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<T>,
): Promise<T[]> {
  const results = new Array<T>(count);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
  return results;
}

/** How often each value occurs. */
export function tally<T>(values: T[], nameOf: (value: T) => string | number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[nameOf(value)] = (counts[nameOf(value)] ?? 0) + 1;
  return counts;
}
