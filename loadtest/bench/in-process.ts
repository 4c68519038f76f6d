import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Config, loadConfig } from '../../src/config/config';
import type { Batcher } from '../../src/database/group-commit';
import type { Database, openDatabase } from '../../src/database/database';
import type { fingerprintOf } from '../../src/idempotency/idempotency.repository';
import type { newId } from '../../src/ids';
import type { Contention } from '../../src/inventory/allocation/contention';
import type { ContentionModes } from '../../src/inventory/allocation/contention-modes';
import type { CurrentStrategies } from '../../src/inventory/allocation/current-strategies';
import type { DemandMetrics } from '../../src/inventory/allocation/demand-metrics';
import type { StockReserver } from '../../src/inventory/reservations/stock-reserver';
import type { StockIntake } from '../../src/inventory/reservations/stock-intake';
import type { StockDemand, takeGrouped } from '../../src/inventory/stock/stock-levels.repository';
import type { CheckoutRequest, Intake } from '../../src/orders/intake/intake';
import type { Relay } from '../../src/outbox/relay';
import type { Queues } from '../../src/queue/queues';
import { answering } from './child';

export interface InProcessTask {
  /** The whole intake, or only taking stock. */
  what: 'intake' | 'stock';
  dist: string;
  databaseUrl: string;
  sku: string;
  buyers: number;
  warmUpMs: number;
  ms: number;
}
export type InProcessResult = { perSecond: number };

/** The exports of the build that are used. */
interface Built {
  loadConfig: typeof loadConfig;
  openDatabase: typeof openDatabase;
  Relay: typeof Relay;
  Contention: typeof Contention;
  ContentionModes: typeof ContentionModes;
  CurrentStrategies: typeof CurrentStrategies;
  DemandMetrics: typeof DemandMetrics;
  StockReserver: typeof StockReserver;
  StockIntake: typeof StockIntake;
  Intake: typeof Intake;
  Batcher: typeof Batcher;
  takeGrouped: typeof takeGrouped;
  fingerprintOf: typeof fingerprintOf;
  newId: typeof newId;
}

/**
 * The service's code without HTTP. `intake`: all of it, called as its controller does. `stock`: only what `grouped` does, one
 * lock, one decision in memory and one write for all who wait, without keys and orders.
 */
export function serve(): void {
  answering<InProcessTask, InProcessResult>(async (task) => ({ perSecond: await measure(task) }));
}

async function measure({ what, dist, databaseUrl, sku, ...load }: InProcessTask): Promise<number> {
  const built = buildAt(dist);
  const settings = { NODE_ENV: 'test', DATABASE_URL: databaseUrl, INTAKE_WAITING_MAX: '100000' };
  const config = built.loadConfig(settings);
  const { db, close } = await built.openDatabase(config, 'holdfast-bench');
  const buy = what === 'intake' ? intakeOf(built, config, db, sku) : stockOf(built, db, sku);
  const perSecond = await keepBuying(buy, load);
  await close();
  return perSecond;
}

/** Purchases per second after the warm-up. */
async function keepBuying(
  buy: () => Promise<unknown>,
  { buyers, warmUpMs, ms }: Pick<InProcessTask, 'buyers' | 'warmUpMs' | 'ms'>,
): Promise<number> {
  const countedFrom = performance.now() + warmUpMs;
  const until = countedFrom + ms;
  let done = 0;
  const buyer = async () => {
    while (performance.now() < until) {
      await buy();
      const now = performance.now();
      if (now >= countedFrom && now < until) done += 1;
    }
  };
  await Promise.all(Array.from({ length: buyers }, buyer));
  return (1_000 * done) / ms;
}

function intakeOf(built: Built, config: Config, db: Database, sku: string): () => Promise<unknown> {
  // Messages stay in the outbox; waking the worker is part of another measurement.
  const noQueues = undefined as unknown as Queues;
  const relay = new built.Relay(db, noQueues, { enabled: false, resendMs: 60_000 });
  const contention = new built.Contention();
  const strategies = new built.CurrentStrategies(db, contention, new built.ContentionModes(contention));
  const reserver = new built.StockReserver(config, contention);
  const stock = new built.StockIntake(config, db, relay, strategies, new built.DemandMetrics(), reserver);
  const intake = new built.Intake(db, stock, relay);
  return () => intake.accept(checkout(built, sku));
}

function stockOf(built: Built, db: Database, sku: string): () => Promise<unknown> {
  const takeAll = async (batch: StockDemand[][]) => {
    const grants = await db.transaction('intake', (tx) => built.takeGrouped(tx, batch));
    return grants.map((answer) => ({ answer }));
  };
  const overloaded = () => new Error('Bug: there is no bound here.');
  const batching = { name: 'bench', sizeMax: 256, inFlightMax: 1, waitingMax: Infinity, overloaded };
  const batcher = new built.Batcher(takeAll, batching);
  return () => batcher.add([{ sku, pool: 'main', quantity: 1 }]);
}

function checkout({ newId, fingerprintOf }: Built, sku: string): CheckoutRequest {
  const key = randomUUID();
  const lines = [{ sku, quantity: 1 }];
  const fingerprint = fingerprintOf({ customerId: key, lines, paymentMethod: 'pm_card_visa' });
  return {
    claim: { principal: 'bench', operation: 'orders', key, fingerprint, resourceId: newId() },
    owner: 'bench',
    customerId: key,
    paymentMethod: 'pm_card_visa',
    lines,
    reservationId: null,
    ttlSeconds: 600,
    metadata: {},
    capture: 'automatic',
  };
}

/** The measured files below `dist`. */
export const measuredFiles = [
  ...[
    'config/config',
    'database/group-commit',
    'database/database',
    'ids',
    'idempotency/idempotency.repository',
  ],
  ...['outbox/relay', 'inventory/allocation/contention', 'inventory/stock/stock-levels.repository'],
  ...['inventory/allocation/contention-modes', 'inventory/allocation/current-strategies'],
  ...['inventory/allocation/demand-metrics', 'inventory/reservations/stock-reserver'],
  ...['inventory/reservations/stock-intake', 'orders/intake/intake'],
];

function buildAt(dist: string): Built {
  return Object.assign(
    {},
    // oxlint-disable-next-line typescript/no-require-imports -- the parent process names the build
    ...measuredFiles.map((file) => require(path.join(dist, `${file}.js`)) as object),
  ) as Built;
}
