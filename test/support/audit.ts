import { type LedgerRow, compareWithLedger, orderFacts } from '../../src/audit/ledger';
import { publicId } from '../../src/ids';
import { HttpClient } from './http-client';
import type { Shop } from './shop';

/**
 * What is wrong with a service that has no work left, one line each: every invariant, and its orders compared with the
 * payment provider's ledger, the one record that the service cannot write.
 */
export async function findings(shop: Shop): Promise<string[]> {
  return [...(await brokenInvariants(shop)), ...(await moneyDisagreements(shop))];
}

async function brokenInvariants(shop: Shop): Promise<string[]> {
  const { status, body, text } = await shop.admin.get('/v1/admin/invariants');
  if (status !== 200) return [`the invariants cannot be checked: ${status} ${text}`];
  const broken = (body.invariants as { id: string; promise: string; violations: unknown[] }[]).filter(
    ({ violations }) => violations.length > 0,
  );
  return broken.map(({ id, promise, violations }) => `${id} ${promise} ${JSON.stringify(violations)}`);
}

async function moneyDisagreements(shop: Shop): Promise<string[]> {
  const ledger = await readLedger(shop.service.sandboxUrl);
  const orders = await shop.all('/v1/admin/orders');
  const uncharged = await shop.query<{ id: string }>(
    `SELECT id FROM orders WHERE capture = 'on_shipment' OR total_amount = 0`,
  );
  const mayBeUncharged = new Set(uncharged.map(({ id }) => publicId('ord', id)));
  const own = await orderFacts({ rows: (sql, parameters) => shop.query(sql, parameters) });
  const recorded = new Map(own.map((one) => [one.id, one]));
  const facts = orders.map(({ id, status, total, saga }) => ({
    ...recorded.get(id as string),
    id,
    status,
    total: total.amount,
    currency: total.currency,
    settled: saga.status === 'completed' || saga.status === 'compensated',
  }));
  const books = new Map(ledger.map((row) => [row.orderId, row]));
  const known = new Set(orders.map(({ id }) => id));
  return [
    ...compareWithLedger(facts, ledger).map(
      ({ invariant, orderId, what }) =>
        `${invariant} ${orderId}: ${what}; the ledger says ${JSON.stringify(books.get(orderId))}`,
    ),
    ...ledger.filter(({ orderId }) => !known.has(orderId)).map((row) => strange(row, 'is unknown to us')),
    ...orders
      .filter(
        ({ id, status }) => (status === 'cancelled' || status === 'refunded') && !mayBeUncharged.has(id),
      )
      .filter(({ id, total }) => books.get(id)?.captured !== total.amount)
      .map(({ id, status }) => `${id} is ${status} and was placed once, but never charged in full`),
  ];
}

const strange = (row: LedgerRow, what: string): string => `the ledger’s ${JSON.stringify(row)} ${what}`;

/** The payment provider's ledger. */
export async function readLedger(sandboxUrl: string): Promise<LedgerRow[]> {
  return (await new HttpClient(sandboxUrl).get('/sandbox/ledger')).body.data as LedgerRow[];
}
