import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { LedgerRow } from '../src/audit/ledger';
import { readLedger } from '../test/support/audit';
import { root } from '../test/support/child';
import { tally } from '../test/support/shop';
import { until } from '../test/support/until';
import type { Purchase } from './kit/client-log';
import { commandOf } from './kit/command';
import { DatabaseCopy } from './kit/database-copy';
import type { Drill } from './kit/drill';
import type { DrilledShop } from './kit/drilled-shop';
import type { Environment } from './kit/environment';

export const drill: Drill = {
  name: 'database-restored',
  promise:
    'After a restore of an older database nobody is charged twice, and the audit reports every charge of a lost order.',
  rows: [45, 78],
  sometimes: ['orders repeated', 'lost orders reported', 'orders searched first'],
  mutants: [
    {
      name: 'random-key',
      why: 'a payment operation is sent under a random key, which is not in the restored database',
      guard: 'provider-key-from-purpose',
      change: (line) => line.replace('${number}', '${Math.random()}'),
    },
    {
      name: 'random-metadata',
      why: 'the metadata has a random id, so the repeated request has other parameters',
      guard: 'provider-metadata-from-purpose',
      change: (line) =>
        line.replace('number: String(number) }', 'number: String(number), operationId: operation.id }'),
    },
    {
      name: 'lost-orders-passed-over',
      why: 'the audit compares only orders that are in the database',
      guard: 'lost-orders-are-reported',
      change: (line) => line.replace('books.values()', '[]'),
    },
    {
      name: 'old-orders-charged-unsearched',
      why: 'an order whose key the provider may have forgotten is charged without a search',
      guard: 'old-orders-are-searched-first',
      change: (line) => line.replace(/=.*;/, '= false;'),
    },
  ],

  run: async (environment) => {
    const noticing = environment.mutant && noticedBy[environment.mutant];
    const parts = noticing ? [noticing] : [copyPutBack, standbyPromoted, keysForgotten];
    await Promise.all(parts.map((part) => part(environment)));
  },
};

/** Each part opens a shop, and one of them is enough for a mutant. */
const noticedBy: Record<string, (environment: Environment) => Promise<void>> = {
  'random-key': copyPutBack,
  'random-metadata': copyPutBack,
  'lost-orders-passed-over': standbyPromoted,
  'old-orders-charged-unsearched': keysForgotten,
};

/**
 * The restore came after the provider had forgotten the keys (P0b). Half of the orders are older than the keys' time and
 * searched for that reason; the others because of `npm run restored`.
 */
async function keysForgotten(environment: Environment): Promise<void> {
  const env = { SANDBOX_KEY_WINDOW_SECONDS: '1', SANDBOX_SEARCH_LAG_MS: '0' };
  const shop = await environment.open({ queue: 'postgres', env });
  const sku = await shop.product(100);
  await shop.terminate('worker-1');
  const [old, restored] = [await shop.buy(5, { sku }), await shop.buy(5, { sku })];
  const declined = await shop.buy(2, { sku, paymentMethod: 'pm_card_chargeDeclined' });
  await shop.terminate('api-1');
  const copy = await DatabaseCopy.of(shop.service.databaseUrl);
  await shop.revive('api-1', 'worker-1');
  await shop.audit();
  await shop.terminate('worker-1');
  await shop.terminate('api-1');
  await copy.putBack();

  const said = await commandOf(environment, shop, 'orders/checkout-saga/restored-command.js');
  assert.match(said.output, /^12 unfinished orders are marked/m, said.output);
  const customers = [old, restored].map((purchases) => purchases.map(({ customerId }) => customerId));
  await shop.tamper(
    `UPDATE sagas SET search_first = false FROM orders o WHERE o.id = order_id AND o.customer_id = ANY ($1)`,
    [customers[0]],
  );
  await shop.tamper(
    `UPDATE orders SET created_at = created_at - interval '24 hours' WHERE customer_id = ANY ($1)`,
    [customers[0]],
  );
  await shop.tamper(guideStatement());
  await shop.revive('api-1', 'worker-1');
  await shop.audit();
  assert.deepEqual(await endsOf(shop, [...old, ...restored]), { placed: 10 });
  assert.deepEqual(await endsOf(shop, declined), { rejected: 2 });
  const ledger = await ledgerOf(shop);
  for (const { id, total } of await shop.ordersOf([...old, ...restored]))
    assert.equal(ledger.get(id as string)!.authorized, total.amount, 'authorized once');
  environment.count('orders searched first', old.length + restored.length);
}

/** Workers charge all orders; then the database is restored to its state before that. */
async function copyPutBack(environment: Environment): Promise<void> {
  const shop = await environment.open({ queue: 'postgres' });
  const sku = await shop.product(100);
  await shop.terminate('worker-1');
  const charged = await shop.buy(20, { sku });
  const declined = await shop.buy(4, {
    sku,
    paymentMethod: ['pm_card_chargeDeclined', 'pm_sandbox_capture_declined'],
  });
  await shop.terminate('api-1');
  const copy = await DatabaseCopy.of(shop.service.databaseUrl);

  await shop.revive('api-1', 'worker-1');
  await shop.audit();
  const before = await ledgerOf(shop);
  await shop.terminate('worker-1');
  await shop.terminate('api-1');
  await copy.putBack();

  // The restore took longer than the reservations' TTL, so the step of the operations guide applies.
  await shop.tamper(`UPDATE reservations SET expires_at = clock_timestamp() - interval '1 hour'`);
  await shop.tamper(guideStatement());
  await shop.revive('api-1', 'worker-1');
  await shop.audit();
  assert.deepEqual(await endsOf(shop, charged), { placed: 20 });
  assert.deepEqual(await endsOf(shop, declined), { rejected: 4 });
  assert.deepEqual(
    await shop.query(`SELECT order_id FROM saga_transitions WHERE code = 'key_conflict'`),
    [],
    'repeated requests that the provider took for others',
  );
  const after = await ledgerOf(shop);
  const again = [...after.values()].filter((row) => row.attempts > before.get(row.orderId)!.attempts);
  environment.count('orders repeated', again.length);
  const money = (rows: Map<string, Row>) =>
    [...rows.values()].map((row) => ({ ...row, attempts: undefined }));
  assert.deepEqual(money(after), money(before), 'the provider’s ledger before and after');

  for (const { id } of (await shop.ordersOf(charged)).slice(0, 3)) {
    const answer = await shop.requestCancellation(id as string, 'refund', { waitSeconds: 20 });
    assert.equal(answer.body.status, 'refunded', answer.text);
  }
  await shop.audit();
}

/** A standby that lacks the last second takes over while the service runs. */
async function standbyPromoted(environment: Environment): Promise<void> {
  const postgres = await environment.postgresPair();
  const servers = [postgres.primary.child, postgres.standby.child];
  const shop = await environment.open({ queue: 'postgres', databaseUrl: postgres.url, servers });
  const sku = await shop.product(100);
  await shop.terminate('worker-1');
  const known = await shop.buy(20, { sku });
  await postgres.standbyHasAll();

  await postgres.link.close();
  await shop.revive('worker-1');
  const lost = await shop.buy(5, { sku, waitSeconds: 20 });
  await shop.audit();
  const lostIds = (await shop.ordersOf(lost)).map(({ id }) => id as string);

  await shop.service.kill('postgres', 'SIGQUIT');
  await postgres.promote();
  await shop.converge();
  assert.deepEqual(await endsOf(shop, known), { placed: 20 });
  const ledger = await ledgerOf(shop);
  for (const { id, total } of await shop.ordersOf(known)) {
    const { authorized, captured, refunded } = ledger.get(id as string)!;
    assert.deepEqual(
      { authorized, captured, refunded },
      { authorized: total.amount, captured: total.amount, refunded: 0 },
    );
  }

  const audit = () => commandOf(environment, shop, 'audit/audit-command.js');
  const red = await audit();
  assert.equal(red.exitCode, 1, red.output);
  const broken = red.output.split('\n').filter((line) => line.startsWith('BROKEN'));
  assert.equal(broken.length, 1, red.output);
  const named = [...red.output.matchAll(/\bord_\w+/g)].map(([id]) => id);
  assert.deepEqual([...new Set(named)].sort(), [...lostIds].sort(), red.output);
  environment.count('lost orders reported', lostIds.length);

  for (const id of lostIds) await refundAtProvider(shop, id);
  const green = await audit();
  assert.equal(green.exitCode, 0, green.output);
}

type Row = LedgerRow & { attempts: number };

const ledgerOf = async (shop: DrilledShop) =>
  new Map((await readLedger(shop.service.sandboxUrl)).map((row) => [row.orderId, row as Row]));

const endsOf = async (shop: DrilledShop, purchases: Purchase[]) =>
  tally(await shop.ordersOf(purchases), ({ status }) => status as string);

/** The statement of the operations guide for a restore, word for word. */
function guideStatement(): string {
  const guide = readFileSync(path.join(root, 'docs/operations.md'), 'utf8');
  const [, statement] = /## Backups and restores[^#]*?```sql\n([^`]+)```/.exec(guide) ?? [];
  assert.ok(statement, 'the operations guide has no statement for a restore');
  return statement;
}

/** What an operator does in the provider's dashboard. */
async function refundAtProvider(shop: DrilledShop, orderId: string): Promise<void> {
  const { sandboxUrl } = shop.service;
  const { data } = (await (await fetch(`${sandboxUrl}/sandbox/entries?orderId=${orderId}`)).json()) as any;
  const refund = await fetch(`${sandboxUrl}/v1/refunds`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_holdfast_sandbox' },
    body: new URLSearchParams({ payment_intent: data[0].paymentIntent }),
  });
  assert.equal(refund.status, 200, await refund.text());
  await until('the refund is in the ledger', async () => (await ledgerOf(shop)).get(orderId)!.refunded > 0);
}
