import { Logger } from '@nestjs/common';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { Audit } from '../../src/audit/audit';
import { type Config, loadConfig } from '../../src/config/config';
import { dataSourceOptions } from '../../src/database/data-source';
import { withSessionSettings } from '../../src/database/session';
import { Database } from '../../src/database/database';
import { fingerprintOf, type IdempotencyClaim } from '../../src/idempotency/idempotency.repository';
import { newId } from '../../src/ids';
import { ProductsService } from '../../src/inventory/catalogue/products.service';
import { Releases } from '../../src/inventory/bulk-release/releases';
import { ReservationShipments } from '../../src/inventory/shipments/reservation-shipments';
import { ReservationsService } from '../../src/inventory/reservations/reservations.service';
import { Contention } from '../../src/inventory/allocation/contention';
import { ContentionModes } from '../../src/inventory/allocation/contention-modes';
import { CurrentStrategies } from '../../src/inventory/allocation/current-strategies';
import { DemandMetrics } from '../../src/inventory/allocation/demand-metrics';
import { StockReserver } from '../../src/inventory/reservations/stock-reserver';
import { StockIntake } from '../../src/inventory/reservations/stock-intake';
import { Installation } from '../../src/payment/installation';
import { SagaRunner } from '../../src/orders/checkout-saga/saga-runner';
import { type CheckoutRequest, Intake } from '../../src/orders/intake/intake';
import { OrderCaptures } from '../../src/orders/fulfilment/order-captures';
import { OrderRefunds } from '../../src/orders/fulfilment/order-refunds';
import { OrderShipments } from '../../src/orders/fulfilment/order-shipments';
import { NextActions } from '../../src/payment/next-actions';
import { PaymentAttempts } from '../../src/orders/payment-attempts';
import { PaymentTasks } from '../../src/orders/fulfilment/payment-tasks';
import { TaskActions } from '../../src/orders/fulfilment/task-actions';
import { OrdersService } from '../../src/orders/orders.service';
import { SagaActions } from '../../src/orders/saga-actions/saga-actions';
import { Relay } from '../../src/outbox/relay';
import type { PaymentGateway } from '../../src/payment/gateways/gateway';
import type { NewJob, Queues } from '../../src/queue/queues';
import { VersionWatchingDatabase } from './shown-versions';
import { createTestDatabase } from './database';
import { ScriptedGateway } from './scripted-gateway';

export const shop = { name: 'shop', role: 'client' } as const;
export const operator = { name: 'operator', role: 'admin' } as const;

/** Replaces BullMQ where the queue is not the subject: keeps added jobs, and fails when the test says so. */
export class QueueStub {
  readonly jobs: NewJob[] = [];
  beforeAdd: (jobs: NewJob[]) => Promise<void> = async () => undefined;

  async add(jobs: NewJob[]): Promise<void> {
    await this.beforeAdd(jobs);
    this.jobs.push(...jobs);
  }

  offer(job: NewJob): Promise<void> {
    return this.add([job]);
  }
}

/** The relay's wake-up without a relay: tests run their own relay when messages are to be sent. */
class SilentRelay extends Relay {
  override poke(): void {}
  override get sendsOwn(): boolean {
    return false;
  }
}

export interface ProductOptions {
  sku?: string;
  onHand?: number;
  strategy?: string;
  pools?: string[];
  amount?: number;
  currency?: string;
  quantityPerOrderMax?: number;
  reservationsPerCustomerMax?: number;
  safetyStock?: number;
  salesStartAt?: string;
  salesEndAt?: string;
  unitsPerCustomerMax?: number;
}

/** The core of one process on its own database, without HTTP, queues or timers. */
export class World {
  readonly gateway = new ScriptedGateway();
  readonly queues = new QueueStub();
  readonly contention = new Contention();
  readonly reserver: StockReserver;
  readonly stock: StockIntake;
  readonly reservations: ReservationsService;
  readonly releases: Releases;
  readonly products: ProductsService;
  readonly intake: Intake;
  readonly orders: OrdersService;
  readonly paymentAttempts: PaymentAttempts;
  readonly sagaActions: SagaActions;
  readonly shipments: ReservationShipments;
  readonly orderShipments: OrderShipments;
  readonly refunds: OrderRefunds;
  readonly captures: OrderCaptures;
  readonly taskActions: TaskActions;
  private readonly silence: Relay;
  private readonly sessions: Client[] = [];
  private named = 0;

  constructor(
    readonly config: Config,
    readonly dataSource: DataSource,
    readonly db: Database,
    private readonly dropDatabase: () => Promise<void>,
  ) {
    this.silence = new SilentRelay(db, this.queues as unknown as Queues);
    const strategies = new CurrentStrategies(db, this.contention, new ContentionModes(this.contention));
    this.reserver = new StockReserver(config, this.contention);
    this.stock = new StockIntake(config, db, this.silence, strategies, new DemandMetrics(), this.reserver);
    this.reservations = new ReservationsService(db, this.silence, this.stock, this.contention);
    this.releases = new Releases(db, this.silence);
    this.products = new ProductsService(db);
    this.intake = new Intake(db, this.stock, this.silence);
    this.orders = new OrdersService(db, this.silence);
    this.paymentAttempts = new PaymentAttempts(db, this.silence, this.orders, new NextActions(config));
    this.sagaActions = new SagaActions(db, this.silence);
    this.shipments = new ReservationShipments(db);
    this.orderShipments = new OrderShipments(db, this.silence);
    this.refunds = new OrderRefunds(db, this.silence);
    this.captures = new OrderCaptures(db, this.silence);
    this.taskActions = new TaskActions(db, this.silence);
  }

  /** A separate relay, like that of another process. */
  relay(queues: QueueStub = this.queues): Relay {
    return new Relay(this.db, queues as unknown as Queues);
  }

  /** A separate worker; a test may pass a database that fails or another provider. */
  runner({
    db = this.db,
    gateway = this.gateway,
  }: { db?: Database; gateway?: PaymentGateway } = {}): SagaRunner {
    return new SagaRunner(this.config, db, gateway, new Installation(this.db));
  }

  /** What a worker does about refunds and captures after the sale. */
  tasks(options: { db?: Database; gateway?: PaymentGateway } = {}): PaymentTasks {
    return new PaymentTasks(this.config, options.db ?? this.db, this.runner(options));
  }

  /** A session outside the pool, to hold locks and to observe. The test must expect its errors. */
  async session(): Promise<Client> {
    const client = new Client({ connectionString: withSessionSettings(this.config) });
    client.on('error', () => undefined);
    await client.connect();
    this.sessions.push(client);
    return client;
  }

  async rows<R = Record<string, never>>(sql: string, parameters: unknown[] = []): Promise<R[]> {
    return this.db.rows<R>(sql, parameters);
  }

  async row<R = Record<string, never>>(sql: string, parameters: unknown[] = []): Promise<R> {
    const rows = await this.rows<R>(sql, parameters);
    if (rows.length !== 1) throw new Error(`expected one row, found ${rows.length}: ${sql}`);
    return rows[0]!;
  }

  /** Creates a product through the service, so that its movements are right; returns its SKU. */
  async product({
    sku = `SKU-${++this.named}`,
    amount = 1_000,
    currency = 'EUR',
    ...rest
  }: ProductOptions = {}) {
    await this.products.put(
      sku,
      { name: sku, unitPrice: { amount, currency }, onHand: 10, ...rest },
      {},
      operator,
    );
    return sku;
  }

  /** Several products that sort in this order. */
  async productsOf(count: number, options: Omit<ProductOptions, 'sku'> = {}): Promise<string[]> {
    const family = `F${++this.named}`;
    const skus = Array.from({ length: count }, (_, nth) => `${family}-${String.fromCharCode(65 + nth)}`);
    for (const sku of skus) await this.product({ ...options, sku });
    return skus;
  }

  claim(operation = 'orders', key: string = newId(), request: unknown = key): IdempotencyClaim {
    return { principal: shop.name, operation, key, fingerprint: fingerprintOf(request), resourceId: newId() };
  }

  reservationRequest(
    lines: { sku: string; quantity: number }[],
    more: Partial<{ customerId: string; ttlSeconds: number; pool: string }> = {},
  ) {
    return {
      id: newId(),
      principal: shop.name,
      customerId: 'cus_1',
      orderId: null,
      lines,
      ttlSeconds: 600,
      metadata: {},
      ...more,
    };
  }

  /** Reserves as the API does; returns the reservation's id, or throws the refusal. */
  async reserve(
    lines: { sku: string; quantity: number }[],
    more: Partial<{ customerId: string; ttlSeconds: number; pool: string }> = {},
  ) {
    const request = this.reservationRequest(lines, more);
    await this.reservations.create(request, { ...this.claim('reservations'), resourceId: request.id });
    return request.id;
  }

  /** Changes the lines of a reservation as the API does. */
  change(
    id: string,
    lines: { sku: string; quantity: number }[],
    { key = newId(), ...more }: { key?: string; expectedTotal?: { amount: number; currency: string } } = {},
  ) {
    return this.reservations.changeLines(id, { lines, ...more }, key, shop);
  }

  checkout(lines: { sku: string; quantity: number }[], more: Partial<CheckoutRequest> = {}): CheckoutRequest {
    const base = {
      claim: this.claim(),
      customerId: 'cus_1',
      paymentMethod: 'pm_card_visa',
      owner: shop.name,
      reservationId: null,
      capture: 'automatic' as const,
    };
    return { ...base, lines, ttlSeconds: 600, metadata: {}, ...more };
  }

  /** An accepted order with its own stock; returns its id. */
  async order(
    lines?: { sku: string; quantity: number }[],
    more: Partial<CheckoutRequest> = {},
  ): Promise<string> {
    const wanted = lines ?? [{ sku: await this.product(), quantity: 1 }];
    return (await this.intake.accept(this.checkout(wanted, more))).orderId;
  }

  /** Summed over pools. */
  async level(sku: string): Promise<{ onHand: number; reserved: number }> {
    return this.row(
      `SELECT sum(on_hand)::int AS "onHand", sum(reserved)::int AS reserved FROM stock_levels WHERE sku = $1`,
      [sku],
    );
  }

  reservation(id: string) {
    return this.reservations.get(id, shop);
  }

  /** Moves a reservation's expiry into the past, as if time had passed. */
  async makeDue(reservationId: string): Promise<void> {
    await this.rows(
      `UPDATE reservations SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1 AND status = 'active'`,
      [reservationId],
    );
  }

  /**
   * How many deadlocks this database has counted. A session reports its own when it ends, so the pool's are ended
   * first.
   */
  async deadlocks(): Promise<number> {
    await this.dataSource.destroy();
    const looker = new Client({ connectionString: this.config.databaseUrl });
    await looker.connect();
    const others = `SELECT FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;
    try {
      await until(async () => (await looker.query(others)).rowCount === 0);
      const counted = `SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()`;
      return (await looker.query<{ deadlocks: number }>(counted)).rows[0]!.deadlocks;
    } finally {
      await looker.end();
      await this.dataSource.initialize();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.end().catch(() => undefined)));
    await this.dataSource.destroy();
    await this.dropDatabase();
  }
}

/** A new world. `env` overrides settings by their variables; `DatabaseClass` may be one that observes. */
export async function createWorld(
  env: NodeJS.ProcessEnv = {},
  // By hand: every integration suite checks that what is shown never changes without its version.
  DatabaseClass = process.env.HOLDFAST_TEST_VERSIONS === '1' ? VersionWatchingDatabase : Database,
): Promise<World> {
  Logger.overrideLogger(false);
  const database = await createTestDatabase();
  const config = loadConfig({
    NODE_ENV: 'test',
    DATABASE_URL: database.url,
    DATABASE_POOL_MAX: '20',
    ...env,
  });
  await noticeDeadlocksSoon(database.url);
  const dataSource = await new DataSource(dataSourceOptions(config, 'holdfast-test')).initialize();
  return new World(config, dataSource, new DatabaseClass(dataSource), () => database.drop());
}

/**
 * A deadlock is then detected in milliseconds instead of a second. Only a superuser may set it; otherwise it takes
 * longer.
 */
export async function noticeDeadlocksSoon(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const name = new URL(url).pathname.slice(1);
    await client.query(`ALTER DATABASE ${name} SET deadlock_timeout = '20ms'`).catch(() => undefined);
  } finally {
    await client.end();
  }
}

/** Every invariant holds: the last test of each suite. */
export async function expectInvariants(world: { db: Database }): Promise<void> {
  const report = await new Audit(world.db).run();
  expect(report.invariants.filter(({ violations }) => violations.length > 0)).toEqual([]);
}

/** Waits for a condition, not for a time; the suite's timeout is the limit. */
export async function until(fact: () => Promise<boolean>): Promise<void> {
  while (!(await fact())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Resolves when this many sessions of this database wait for a lock. */
export async function untilBlocked(world: World, sessions = 1): Promise<void> {
  await until(async () => {
    const { waiting } = await world.row<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting >= sessions;
  });
}

/** Runs the tasks, at most `width` at once; outcomes are in the order of the tasks. */
export async function inParallel<T>(
  width: number,
  tasks: (() => Promise<T>)[],
): Promise<PromiseSettledResult<T>[]> {
  const outcomes: PromiseSettledResult<T>[] = [];
  const queue = tasks.entries();
  const lane = async () => {
    for (const [nth, task] of queue) {
      outcomes[nth] = await task().then(
        (value) => ({ status: 'fulfilled' as const, value }),
        (reason: unknown) => ({ status: 'rejected' as const, reason }),
      );
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return outcomes;
}

/** The outcome of each task, for counting: `ok`, a refusal's code, or an unexpected error's message. */
export const codesOf = (outcomes: PromiseSettledResult<unknown>[]): string[] =>
  outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'ok' : codeOf(outcome.reason)));

/** A promise's outcome as one word: `ok`, or the refusal's code. */
export const outcomeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'ok', codeOf);

function codeOf(error: unknown): string {
  const { code, status, message } = error as { code?: string; status?: number; message: string };
  return code && status ? code : `${code ?? 'error'}: ${message}`;
}
