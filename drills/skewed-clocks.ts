import assert from 'node:assert/strict';
import path from 'node:path';
import { until } from '../test/support/until';
import { businessAsUsual } from './kit/business-as-usual';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import type { Environment } from './kit/environment';

const hourMs = 3_600_000;

/** A process whose clock is wrong. */
const skewed = (ms: number) => ({
  NODE_OPTIONS: `--require=${path.join(__dirname, 'kit', 'skewed-clock.cjs')}`,
  CLOCK_SKEW_MS: String(ms),
});

export const drill: Drill = {
  name: 'skewed-clocks',
  promise:
    'With APIs an hour behind and ahead and a worker an hour ahead, only the database’s clock decides.',
  rows: [47],
  sometimes: ['reservations expired', 'buyers refused before the start of the sale'],
  mutants: [
    {
      name: 'expired-by-the-workers-clock',
      why: 'reservations expire by the worker’s clock',
      guard: 'expiry-by-database-clock',
      change: (line) => line.replace('statement_timestamp()', "'${new Date().toISOString()}'::timestamptz"),
    },
    {
      name: 'retried-by-the-workers-clock',
      why: 'a saga’s next attempt is scheduled by the worker’s clock',
      guard: 'retry-by-database-clock',
      change: (line) => line.replace('this.saga.now.getTime()', 'Date.now()'),
    },
    {
      name: 'sale-by-the-apis-clock',
      why: 'a sale opens by the clock of the API that is asked',
      guard: 'sale-by-database-clock',
      change: (line) => line.replace('now.getTime()', 'Date.now()'),
    },
    {
      name: 'ids-by-the-processes-clocks',
      why: 'ids carry the time of the process’s clock, and the overview counts by ids',
      guard: 'ids-by-database-clock',
      change: (line) => line.replace(/now = .*\) \{/, 'now = Date.now()) {'),
    },
  ],

  run: async (environment) => {
    const shop = await environment.open({
      queue: 'postgres',
      apis: 2,
      envOf: { 'api-1': skewed(-hourMs), 'api-2': skewed(hourMs), 'worker-1': skewed(hourMs) },
    });
    await openingSecond(shop, environment);
    const sku = await shop.product(20);
    const [short, long] = [
      await shop.reserved(sku, 3, { ttlSeconds: 2 }),
      await shop.reserved(sku, 4, { ttlSeconds: 60 }),
    ];
    await businessAsUsual(shop);

    const statusOf = async ({ id }: { id: string }) =>
      (await shop.client.get(`/v1/reservations/${id}`)).body.status as string;
    await until('the short one has expired', async () => (await statusOf(short)) === 'expired');
    assert.equal(await statusOf(long), 'active');
    environment.count('reservations expired', 1);

    const minuteMs = 60_000;
    const period = `from=${new Date(Date.now() - 10 * minuteMs).toISOString()}&to=${new Date(Date.now() + minuteMs).toISOString()}`;
    const listed = async (path: string) =>
      (await shop.admin.get(`/v1/admin/${path}&limit=100`)).body.data.length;
    assert.ok((await listed('orders?')) > 0);
    assert.equal(await listed(`orders?${period}`), await listed('orders?'));
    assert.equal(await listed(`actions?${period}`), await listed('actions?'));
    await until('the overview shows placed orders', async () => {
      const { body } = await shop.admin.get('/v1/admin/overview');
      return body.rates.ordersPlaced.today?.orders > 0;
    });

    // Not made due by the drill: the pause itself must be measured by the right clock.
    const ends = await shop.buyToTheEnd(2, { sku, paymentMethod: 'pm_sandbox_timeout_before_commit' });
    assert.deepEqual(ends, { placed: 2 });
    await shop.audit();
  },
};

/** Buyers ask both APIs without a pause until each has bought. */
async function openingSecond(shop: DrilledShop, environment: Environment): Promise<void> {
  const [{ opensAt } = { opensAt: '' }] = await shop.query<{ opensAt: string }>(
    `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC' + interval '2 seconds', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "opensAt"`,
  );
  const sku = await shop.product(20, { salesStartAt: opensAt });
  const codes: string[] = [];
  const buyer = async (api: number) => {
    await until(
      `API ${api} sells`,
      async () => {
        const purchase = shop.log.begin({ sku, quantity: 1, paymentMethod: 'pm_card_visa' });
        const answer = await shop.ask(purchase, api);
        codes.push(answer.body.code ?? 'sold');
        return answer.status === 202;
      },
      20_000,
    );
  };
  await Promise.all([0, 1, 0, 1].map(buyer));
  environment.count(
    'buyers refused before the start of the sale',
    codes.filter((code) => code === 'not_on_sale').length,
  );
  const [taken] = await shop.query<{ early: number; sold: number }>(
    `SELECT count(*) FILTER (WHERE created_at < $2::timestamptz)::int AS early, count(*)::int AS sold
       FROM reservations r JOIN reservation_lines l ON l.reservation_id = r.id WHERE l.sku = $1`,
    [sku, opensAt],
  );
  assert.deepEqual(taken, { early: 0, sold: 4 }, 'a buyer was served before the start of the sale');
}
