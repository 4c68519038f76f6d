import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import type { OrderRow } from '../../sandbox/ledger/ledger';
import { createSandbox, type Sandbox } from '../../sandbox/server';
import { readSettings, type SandboxSettings } from '../../sandbox/settings';

export const secretKey = 'sk_test_holdfast_sandbox';
export const webhookSecret = 'whsec_holdfast_sandbox';

export interface SandboxStats {
  requests: { total: number; byPath: Record<string, number>; perSecondPeak: number; lastMinute: number[] };
  answered: Record<string, number>;
  webhooks: { sent: number; failed: number; pending: number };
}

/** A sandbox in this process, on a free port and in its own folder. */
export class TestSandbox {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'holdfast-sandbox-'));
  private sandbox: Sandbox | undefined;

  private constructor(private readonly settings: Partial<SandboxSettings>) {}

  static async start(settings: Partial<SandboxSettings> = {}): Promise<TestSandbox> {
    const started = new TestSandbox(settings);
    await started.open();
    return started;
  }

  get url(): string {
    if (!this.sandbox) throw new Error('Bug: the sandbox is closed');
    return this.sandbox.url;
  }

  get ledgerPath(): string {
    return join(this.dataDir, 'sandbox-ledger.jsonl');
  }

  async open(): Promise<void> {
    const defaults = readSettings({
      SANDBOX_PORT: '0',
      HOLDFAST_DATA_DIR: this.dataDir,
      SANDBOX_WEBHOOK_URL: 'http://127.0.0.1:9/',
    });
    this.sandbox = await createSandbox({ ...defaults, webhookRetryMs: 5, searchLagMs: 0, ...this.settings });
  }

  async close(): Promise<void> {
    await this.sandbox?.close();
    this.sandbox = undefined;
  }

  async stop(): Promise<void> {
    await this.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** The official client, configured like the shop's but without retries. */
  stripe(options: { key?: string; timeout?: number | undefined } = {}): Stripe {
    return stripeAt(this.url, options);
  }

  async get<T = unknown>(path: string): Promise<T> {
    return (await (await fetch(this.url + path)).json()) as T;
  }

  /** Sends JSON to one of the sandbox's own paths. */
  async post<T = Record<string, unknown>>(path: string, body: object): Promise<{ status: number; body: T }> {
    const response = await fetch(`${this.url}/sandbox${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as T };
  }

  setFaults(faults: object): Promise<{ status: number; body: Record<string, unknown> }> {
    return this.post('/faults', faults);
  }

  async clearFaults(): Promise<void> {
    await fetch(`${this.url}/sandbox/faults`, { method: 'DELETE' });
  }

  stats(): Promise<SandboxStats> {
    return this.get('/sandbox/stats');
  }

  async row(orderId: string): Promise<OrderRow | undefined> {
    const rows = (await this.get<{ data: OrderRow[] }>('/sandbox/ledger')).data.filter(
      (row) => row.orderId === orderId,
    );
    expect(rows.length).toBeLessThanOrEqual(1);
    return rows[0];
  }
}

export function stripeAt(
  url: string,
  { key = secretKey, timeout = 60_000 }: { key?: string; timeout?: number | undefined } = {},
): Stripe {
  const { hostname, port } = new URL(url);
  return new Stripe(key, {
    host: hostname,
    port: Number(port),
    protocol: 'http',
    maxNetworkRetries: 0,
    timeout,
    telemetry: false,
  });
}

let orders = 0;
export const newOrderId = (): string => `ord_${process.pid}_${++orders}`;

/** The parameters of an authorization of 19.99 EUR. */
export function payment(orderId: string, paymentMethod = 'pm_card_visa'): Stripe.PaymentIntentCreateParams {
  return {
    amount: 1999,
    currency: 'eur',
    confirm: true,
    capture_method: 'manual',
    payment_method: paymentMethod,
    allowed_payment_method_types: ['card'],
    metadata: { orderId, operationId: `op_${orderId}` },
  };
}

/** Long enough for a response to arrive, short enough to test those that never do. */
export const patienceMs = 300;

export async function errorOf(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call;
  } catch (error) {
    return error as Stripe.errors.StripeError;
  }
  throw new Error('Expected the provider to refuse');
}

export async function eventually<T>(
  read: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

export interface Delivered {
  body: string;
  signature: string;
  event: Stripe.Event;
}

/** A webhook endpoint that records deliveries and responds with the given statuses. */
export class Receiver {
  readonly delivered: Delivered[] = [];
  /** Statuses for the next deliveries; 200 when none is left. */
  readonly statuses: number[] = [];
  /** While true, deliveries get no response. */
  isHolding = false;
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        this.delivered.push({
          body,
          signature: String(request.headers['stripe-signature']),
          event: JSON.parse(body) as Stripe.Event,
        });
        if (!this.isHolding) response.writeHead(this.statuses.shift() ?? 200).end();
      });
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => {
      receiver.server.listen(0, '127.0.0.1', resolve);
    });
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  get types(): string[] {
    return this.delivered.map(({ event }) => event.type);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }
}
