import assert from 'node:assert/strict';
import { createDatabase } from '../test/support/database';
import { HttpClient } from '../test/support/http-client';
import { until } from '../test/support/until';
import { CellFront } from './kit/cell-front';
import type { Purchase } from './kit/client-log';
import { commandOf, runCommand } from './kit/command';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import type { Environment } from './kit/environment';
import { reach } from './kit/reach';

export const drill: Drill = {
  name: 'two-cells',
  promise:
    'Of two cells behind one proxy and at one payment provider, one keeps selling without an error while the other’s database is dead; a retry in the wrong cell makes no order, neither knows the other’s objects, and both audits hold.',
  rows: [89],
  sometimes: ['orders during the outage', 'retries in the wrong cell', 'webhooks for both cells'],
  mutants: [
    {
      name: 'charges-of-all-cells-audited',
      why: 'the audit calls the other cell’s orders lost',
      guard: 'charges-of-other-cells-are-left-out',
      change: (line) => line.replace('isOfAnotherCell(row)', 'false'),
    },
    {
      name: 'webhooks-of-all-cells-stored',
      why: 'a cell stores webhooks about orders of the other one',
      guard: 'webhooks-of-other-cells-are-ignored',
      change: (line) => line.replace('orderId !== null', 'false'),
    },
    {
      name: 'ids-of-other-cells-looked-up',
      why: 'an order of the other cell is “not found”, as if it did not exist',
      guard: 'ids-of-other-cells-are-refused',
      change: (line) => line.replace('id === undefined', 'true'),
    },
  ],

  run: async (environment) => {
    const { main, eu1 } = await openCells(environment);
    const [skuOfMain, skuOfEu1] = [await main.product(1_000), await eu1.product(1_000)];
    const [, [placed]] = await Promise.all([sellAll(main, skuOfMain, 8), sellAll(eu1, skuOfEu1, 8)]);
    await refusesStrangers(environment, { main, eu1 }, placed!);

    await eu1.service.kill('postgres', 'SIGKILL');
    const waiting = eu1.buy(6, { sku: skuOfEu1, waitSeconds: 30 });
    await reach('a buyer of the dead cell was put off', async () => eu1.log.putOff.length > 0);
    await sellAll(main, skuOfMain, 20);
    environment.count('orders during the outage', 20);
    for (const purchase of eu1.log.purchases.filter(({ answer }) => answer === undefined))
      await retryInMain(environment, { main, eu1 }, purchase);
    assert.equal((await main.stranger.get('/health/ready')).status, 200, 'the health of the living cell');

    await until('the database is back', () => eu1.service.restart('postgres').then(() => true));
    for (const { answer } of await waiting) assert.equal(answer?.status, 201, answer?.text);
    for (const shop of [main, eu1]) await holds(environment, shop);
    assert.deepEqual(main.log.putOff, [], 'answers of the living cell that put buyers off');
  },
};

interface Cells {
  main: DrilledShop;
  eu1: DrilledShop;
}

/** Each with a database, an API, a worker and a shop whose key names the cell; they share the provider's account. */
async function openCells(environment: Environment): Promise<Cells> {
  const front = await CellFront.start();
  environment.onClose(() => front.close());
  const [main, postgres] = await Promise.all([
    environment.open({
      queue: 'postgres',
      env: { CELL: 'main:0' },
      envOf: { sandbox: { SANDBOX_WEBHOOK_URL: `${front.url}/v1/payments/webhooks/stripe` } },
    }),
    environment.postgres(),
  ]);
  const { url } = await createDatabase(new URL('/postgres', postgres.url).href);
  const migrated = await runCommand(environment, 'database/migrate.js', {
    env: { DATABASE_URL: url, CELL: 'eu1:1' },
  });
  assert.equal(migrated.exitCode, 0, migrated.output);
  const eu1 = await environment.open({
    queue: 'postgres',
    env: { CELL: 'eu1:1' },
    databaseUrl: url,
    sandboxUrl: main.service.sandboxUrl,
    servers: [postgres.child],
  });
  for (const [name, shop] of Object.entries({ main, eu1 })) {
    const made = await commandOf(environment, shop, 'auth/api-key-command.js', ['create', 'shop', 'client']);
    const [key] = /^hf_\S+/.exec(made.output) ?? [];
    assert.ok(key?.startsWith(`hf_${name}_`), made.output);
    front.lead(name, shop.service.apis[0]!);
    shop.client = new HttpClient(front.url, key);
    // Buyers enter by the front, whatever cell they are of.
    shop.service.apis = [front.url];
  }
  return { main, eu1 };
}

async function sellAll(shop: DrilledShop, sku: string, count: number): Promise<Purchase[]> {
  const purchases = await shop.buy(count, { sku, waitSeconds: 30 });
  for (const { answer, unheard } of purchases)
    assert.deepEqual(
      [answer?.status, unheard],
      [201, 0],
      `an order in ${shop.service.cell}: ${answer?.text}`,
    );
  return purchases;
}

/** The other cell knows neither the shop's key nor its order, and has no product of that name. */
async function refusesStrangers(
  environment: Environment,
  { main, eu1 }: Cells,
  placed: Purchase,
): Promise<void> {
  await retryInMain(environment, { main, eu1 }, placed);
  const order = await main.client.get(`/v1/orders/${[...placed.orderIds][0]}`);
  assert.deepEqual(
    [order.status, order.body.code, order.body.cellNumber],
    [421, 'wrong_cell', 1],
    order.text,
  );
  assert.equal((await main.client.get(`/v1/stock/${placed.sku}`)).status, 404, 'the other shop’s product');
  const { text } = await eu1.stranger.get('/metrics');
  assert.match(text, /^holdfast_\w+\{.*\bcell="1".*\}/m, 'metrics that name their cell');
}

/** A buyer of eu1 sends the same request, with the same key, at the other cell. */
async function retryInMain(
  environment: Environment,
  { main, eu1 }: Cells,
  purchase: Purchase,
): Promise<void> {
  const { customerId, paymentMethod, sku, quantity, key } = purchase;
  const by = eu1.client.at(main.admin.base);
  const { status, body } = await eu1.order(
    { customerId, paymentMethod, lines: [{ sku, quantity }] },
    { by, key },
  );
  assert.deepEqual([status, body.code, body.cell], [421, 'wrong_cell', 'eu1'], 'a retry in the wrong cell');
  environment.count('retries in the wrong cell', 1);
}

/** One order per purchase and none of another cell's; our records and the provider's agree. */
async function holds(environment: Environment, shop: DrilledShop): Promise<void> {
  await shop.converge();
  const audit = await commandOf(environment, shop, 'audit/audit-command.js');
  assert.equal(audit.exitCode, 0, audit.output);
  assert.match(audit.output, /own ledger agrees with every order/);
  assert.deepEqual(await shop.log.findings(shop), []);
  const [orders] = await shop.query<{ count: number }>('SELECT count(*)::int AS count FROM orders');
  assert.equal(orders!.count, shop.log.purchases.length, 'orders, one for each purchase');
  const events = await shop.query<{ cell: string }>(
    `SELECT DISTINCT substr(order_id::text, 16, 2) AS cell FROM provider_events WHERE order_id IS NOT NULL`,
  );
  const own = shop.service.cell === 'main:0' ? '00' : '01';
  assert.deepEqual(events, [{ cell: own }], 'cells whose webhooks were stored');
  environment.count('webhooks for both cells', events.length);
  assert.ok((await shop.metric('holdfast_jobs_done_total')) > 0, 'jobs that came by the cell’s own queues');
}
