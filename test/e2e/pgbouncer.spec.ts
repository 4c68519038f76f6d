import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { runCommand } from '../support/command';
import { type TestDatabase, createTestDatabase } from '../support/database';
import { Guardian } from '../support/guardian';
import { pgbouncerBefore, pgbouncerIsAvailable } from '../support/pgbouncer';
import { redisIsAvailable } from '../support/services';
import { Shop, inParallel, tally } from '../support/shop';
import { until } from '../support/until';

/**
 * The core behind PgBouncer in transaction mode: Debian 12's 1.18, which knows no prepared statements. Without pgbouncer or
 * Redis it is skipped.
 */

const isPossible = pgbouncerIsAvailable && redisIsAvailable();
if (!isPossible) console.log('skipped: PgBouncer in transaction mode, because pgbouncer or Redis is missing');

const openMsMax = 90_000;

(isPossible ? describe : describe.skip)('a service behind PgBouncer in transaction mode', () => {
  const shop = new Shop();
  const guardian = new Guardian();
  let database: TestDatabase;
  let reconnectUrl: string;
  let pooledUrl: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    const pooler = await pgbouncerBefore(database.url, guardian);
    [reconnectUrl, pooledUrl] = [pooler.reconnectUrl, pooler.url];
    await pooler.child.start();
    await shop.open({
      queue: 'redis',
      databaseUrl: pooledUrl,
      servers: [pooler.child],
      env: { DATABASE_PREPARED_STATEMENTS: 'off' },
    });
  }, openMsMax);
  afterAll(async () => {
    await shop.close();
    await (database as TestDatabase | undefined)?.drop();
    guardian.dismiss();
  }, openMsMax);

  const simply = async (url: string, sql: string) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const ready = async () => (await shop.stranger.get('/health/ready')).body;

  it('is degraded with the statements that set the timeouts, until they are set for the role', async () => {
    const { status, degraded } = await ready();
    expect(status).toBe('degraded');
    const { detail } = degraded.find(({ part }: { part: string }) => part === 'database');
    const statements = detail.match(/ALTER ROLE .*?;/g);
    expect(statements).toHaveLength(3);
    expect(shop.service.outputOf('worker-1')).toContain('timeouts are missing');

    await simply(database.url, statements.join(' '));
    await simply(reconnectUrl, 'RECONNECT');
    // Each probe runs on a connection of the pool, of which some are older.
    await until('the timeouts are in force', async () => (await ready()).status === 'ok');
  });

  it('places, replays, cancels and lists orders, and shows them in the event feed', async () => {
    const sku = await shop.product(20);
    const answers = await inParallel(8, 4, (nth) =>
      shop.order(
        {
          paymentMethod: nth % 4 ? 'pm_card_visa' : 'pm_card_chargeDeclined',
          lines: [{ sku, quantity: 1 }],
        },
        { waitSeconds: 30 },
      ),
    );
    expect(tally(answers, ({ status }) => status)).toEqual({ 201: 6, 402: 2 });

    const key = randomUUID();
    const body = { customerId: 'cus_again', lines: [{ sku, quantity: 1 }] };
    const first = await shop.order(body, { key, waitSeconds: 30 });
    const again = await shop.order(body, { key, waitSeconds: 30 });
    expect([first.status, again.status, again.body.id]).toEqual([201, 201, first.body.id]);

    const cancelled = await shop.requestCancellation(first.body.id, 'cancel');
    expect(cancelled.body.status).toBe('cancelled');
    await shop.untilAvailable(sku, 14);

    expect(await shop.all(`/v1/admin/orders?status=placed`)).toHaveLength(6);
    await until('the feed shows each placed order', async () => {
      const events = await shop.all('/v1/admin/events');
      return events.filter(({ type }) => type === 'order.placed').length === 7;
    });
    await shop.expectAudit();
  });

  it('works again by itself when the pooler was killed and is back', async () => {
    const sku = await shop.product(20);
    await shop.placed(sku);
    await shop.service.kill('pgbouncer');
    expect((await shop.stranger.get('/health/ready')).status).toBe(503);
    const during = await shop.order({ lines: [{ sku, quantity: 1 }] });
    expect(during.status).toBe(503);
    await shop.service.restart('pgbouncer');

    await until('orders are placed again', async () => {
      const { status } = await shop.order({ lines: [{ sku, quantity: 1 }] }, { waitSeconds: 30 });
      return status === 201;
    });
    await shop.expectAudit();
  });

  it('migrates through the pooler, twice at the same time', async () => {
    const env = { DATABASE_URL: pooledUrl, REDIS_URL: 'redis://127.0.0.1:1' };
    const ends = await Promise.all([1, 2].map(() => runCommand('dist/database/migrate.js', [], env)));
    expect(ends.map(({ code, stdout }) => [code, stdout.trim()])).toEqual([
      [0, 'migrated: nothing to do'],
      [0, 'migrated: nothing to do'],
    ]);
  });

  it('refuses to start in one line with its queue in PostgreSQL behind the pooler', async () => {
    const { code, stderr } = await runCommand('dist/worker.js', [], { DATABASE_URL: pooledUrl });
    expect([code, stderr.trim().split('\n')]).toEqual([
      1,
      [expect.stringMatching(/^DATABASE_URL leads to a pooler.*Set QUEUE_DATABASE_URL/)],
    ]);
  });
});
