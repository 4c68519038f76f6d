import type { INestApplicationContext } from '@nestjs/common';
import { DueSagas } from '../../src/background/due-sagas';
import { type DueWork, dueWork, look } from '../../src/background/due-work';
import { PaymentCheckWorker } from '../../src/background/payment-check.worker';
import { ProviderEventWorker } from '../../src/background/provider-event.worker';
import { loadConfig } from '../../src/config/config';
import { clockOf } from '../../src/database/database';
import { Releases } from '../../src/inventory/bulk-release/releases';
import { ReservationsService } from '../../src/inventory/reservations/reservations.service';
import { rebalanceAll } from '../../src/inventory/stock/transfers';
import { PaymentTasks } from '../../src/orders/fulfilment/payment-tasks';
import { Relay } from '../../src/outbox/relay';
import { requestChecks } from '../../src/payment/payment-checks.repository';
import { createWorker } from '../../src/worker.module';
import { CountedReads } from '../support/counted-reads';
import { createWorld, expectInvariants, operator, until, type World } from '../support/fixtures';
import { placed, refund } from '../support/sold';
import { stockIn } from '../support/stock-changes';
import { openWorker } from '../support/workers';

let world: World;
/** A worker that does nothing by itself. */
let idle: INestApplicationContext;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  world = await createWorld();
  // Nothing listens there: a saga is driven, and tries again later.
  env = { DATABASE_URL: world.config.databaseUrl, SWEEP_MS: '20', STRIPE_API_URL: 'http://127.0.0.1:1' };
  idle = await createWorker(loadConfig({ NODE_ENV: 'test', LOG_LEVEL: 'silent', ...env }, 'worker'));
});
afterEach(() => expectInvariants(world));
afterAll(async () => {
  await idle.close();
  await world.close();
});

interface Kind {
  /** Makes something due, beside the same that is not; returns whether the work on it has begun. */
  make: () => Promise<() => Promise<boolean>>;
  /** The task. */
  run: () => Promise<unknown>;
}

const isTrue = async (sql: string, id: string) =>
  (await world.row<{ is: boolean }>(`SELECT ${sql} AS is`, [id])).is;

/** One per kind of work that the look knows; a missing one does not compile. */
const kinds: Record<DueWork, Kind> = {
  expire: {
    make: async () => {
      const sku = await world.product();
      const [due] = [
        await world.reserve([{ sku, quantity: 1 }]),
        await world.reserve([{ sku, quantity: 1 }]),
      ];
      await world.makeDue(due);
      return () => isTrue(`(SELECT status = 'expired' FROM reservations WHERE id = $1::uuid)`, due);
    },
    run: () => idle.get(ReservationsService).expireDue(),
  },
  'drive sagas': {
    make: async () => {
      const [due, later] = [await world.order(), await world.order()];
      await world.rows(
        `UPDATE sagas SET next_run_at = '2100-01-01' WHERE order_id <> $1 AND next_run_at IS NOT NULL`,
        [due],
      );
      return async () =>
        (await isTrue(`(SELECT fencing_token > 0 FROM sagas WHERE order_id = $1::uuid)`, due)) &&
        !(await isTrue(`(SELECT fencing_token > 0 FROM sagas WHERE order_id = $1::uuid)`, later));
    },
    run: async () => {
      await idle.get(DueSagas).sweep();
      await idle.get(DueSagas).idle();
    },
  },
  relay: {
    make: async () => {
      // A message about an order that waits for no reason would be acknowledged without an effect.
      await world.rows(`UPDATE sagas SET next_run_at = clock_timestamp() WHERE next_run_at = '2100-01-01'`);
      const reservation = await world.reserve([{ sku: await world.product(), quantity: 1 }]);
      return () =>
        isTrue(`(SELECT relayed_at IS NOT NULL FROM outbox WHERE aggregate_id = $1::uuid)`, reservation);
    },
    run: () => idle.get(Relay).runOnce(),
  },
  'process webhooks': {
    make: async () => {
      const id = `evt_${Date.now()}`;
      await world.rows(
        `INSERT INTO provider_events (id, type, raw_body, received_at, processed_at)
         VALUES ($1, 'news', '{}', now(), NULL), ($1 || '-old', 'news', '{}', now(), now())`,
        [id],
      );
      return () => isTrue(`(SELECT processed_at IS NOT NULL FROM provider_events WHERE id = $1::text)`, id);
    },
    run: () => idle.get(ProviderEventWorker).sweep(),
  },
  'check payments': {
    make: async () => {
      const [due, later] = [await world.order(), await world.order()];
      const now = await clockOf(world.db);
      await requestChecks(world.db, [due], now);
      await requestChecks(world.db, [later], new Date(now.getTime() + 3_600_000));
      return () =>
        isTrue(`coalesce((SELECT attempt > 0 FROM payment_checks WHERE order_id = $1::uuid), true)`, due);
    },
    run: () => idle.get(PaymentCheckWorker).sweep(),
  },
  'payment tasks': {
    make: async () => {
      const orderId = await placed(world, [{ sku: await world.product(), quantity: 1 }]);
      await refund(world, orderId, { amount: 1 });
      return () => isTrue(`(SELECT attempt > 0 FROM payment_tasks WHERE order_id = $1::uuid)`, orderId);
    },
    run: () => idle.get(PaymentTasks).sweep(),
  },
  'resume releases': {
    make: async () => {
      await world.reserve([{ sku: await world.product(), quantity: 1 }]);
      const { id } = await world.releases.count({}, operator);
      await world.rows(
        `UPDATE releases SET status = 'running', reason = 'wrong price', started_at = now(),
                lease_expires_at = clock_timestamp() - interval '1 second' WHERE id = $1`,
        [id],
      );
      return () => isTrue(`(SELECT status = 'done' FROM releases WHERE id = $1::uuid)`, id);
    },
    run: async () => {
      await idle.get(Releases).resume();
      await until(
        async () => (await world.rows(`SELECT FROM releases WHERE status = 'running'`)).length === 0,
      );
    },
  },
  rebalance: {
    make: async () => {
      const sku = await stockIn(world, { a: 10, b: 0 });
      return () => isTrue(`(SELECT on_hand = 5 FROM stock_levels WHERE sku = $1::text AND pool = 'b')`, sku);
    },
    run: () => rebalanceAll(world.db),
  },
};

const looking = { holder: 'one', leaseMs: 60_000, looksAnyway: false };
const seen = async () => (await look(world.db, { ...looking, looksAnyway: true })).due;

describe('the look for due work', () => {
  it.each(dueWork)('finds what is due for "%s", until the task has done it', async (kind) => {
    const { make, run } = kinds[kind];
    await drainAll();
    expect(await seen()).toEqual([]);
    const hasBegun = await make();
    expect(await seen()).toContain(kind);
    expect(await hasBegun()).toBe(false);
    await run();
    expect(await hasBegun()).toBe(true);
    expect(await seen()).not.toContain(kind);
  });

  it('finds only what it is asked for', async () => {
    await kinds.expire.make();
    await kinds.rebalance.make();
    const { due } = await look(world.db, { ...looking, looksAnyway: true, wanted: ['rebalance'] });
    expect(due).toEqual(['rebalance']);
  });

  it('reads few rows although the statistics say that everything is due', async () => {
    await drainAll();
    await world.rows(
      `INSERT INTO provider_events (id, type, raw_body) SELECT 'evt_past_' || n, 'news', '{}' FROM generate_series(1, 5000) AS n`,
    );
    await world.rows(`ANALYZE provider_events`);
    await world.rows(`UPDATE provider_events SET processed_at = received_at WHERE processed_at IS NULL`);
    await world.dataSource.query('VACUUM provider_events');
    const counted = new CountedReads(world.dataSource);
    expect(await counted.by(() => look(counted, { ...looking, looksAnyway: true }))).toBeLessThan(100);
  });

  /** Nothing is due after it. */
  async function drainAll(): Promise<void> {
    for (const { run } of Object.values(kinds)) await run();
    await world.rows(`DELETE FROM payment_checks`);
    await world.rows(
      `UPDATE sagas SET next_run_at = '2100-01-01' WHERE next_run_at IS NOT NULL AND lease_expires_at IS NULL`,
    );
  }
});

describe('the sweep lease', () => {
  const by = (holder: string, more = {}) => look(world.db, { ...looking, holder, ...more });
  beforeEach(async () => {
    await world.rows(`DELETE FROM sweep_leases`);
    await kinds.expire.make();
  });

  it('lets one worker look, and says to the others how long it lasts', async () => {
    const [one, other] = [await by('one'), await by('other')];
    expect(one).toMatchObject({ isHolder: true, heldForMs: null, due: expect.arrayContaining(['expire']) });
    expect(other).toMatchObject({ isHolder: false, heldForMs: expect.any(Number), due: [] });
    expect(other.heldForMs).toBeGreaterThan(0);
    expect(other.heldForMs).toBeLessThanOrEqual(60_000);
    expect(await by('one')).toMatchObject({ isHolder: true });
  });

  it('does not keep a worker from looking that must look anyway', async () => {
    await by('one');
    const other = await by('other', { looksAnyway: true });
    expect(other).toMatchObject({ isHolder: false, due: expect.arrayContaining(['expire']) });
  });

  it('is taken over once it has ended', async () => {
    await by('one', { leaseMs: 1 });
    await until(async () => (await by('other')).isHolder);
    expect(await by('one')).toMatchObject({ isHolder: false, due: [] });
  });

  it('goes to one of many workers that come for it at once', async () => {
    const looks = await Promise.all(Array.from({ length: 10 }, (_, nth) => by(`worker-${nth}`)));
    expect(looks.filter(({ isHolder }) => isHolder)).toHaveLength(1);
  });

  it('does not matter to a build that looks for something else', async () => {
    await by('one');
    await world.rows(`UPDATE sweep_leases SET look = 'of an older build'`);
    expect(await by('newer')).toMatchObject({ isHolder: true });
  });
});

describe('a running worker', () => {
  // Those of the tests above last for a minute.
  beforeEach(() => world.rows('DELETE FROM sweep_leases'));

  it.each(dueWork)('does what is due for "%s" without a wake-up job', async (kind) => {
    const hasBegun = await kinds[kind].make();
    // A relay works only with queues; without one, no alarm and no job can do the rest.
    const worker = await openWorker({ ...env, QUEUES: kind === 'relay' ? 'on' : 'off' });
    try {
      await until(hasBegun);
    } finally {
      await worker.close();
    }
  });

  it('expires reservations while its look waits for a lock on another table', async () => {
    const worker = await openWorker({ ...env, QUEUES: 'off' });
    const operation = await world.session();
    try {
      await operation.query('BEGIN');
      await operation.query('LOCK TABLE provider_events IN ACCESS EXCLUSIVE MODE');
      await until(await kinds.expire.make());
    } finally {
      await operation.query('ROLLBACK');
      await worker.close();
    }
  });
});
