import type { Queryable } from '../database/database';
import { parsePublicId, publicId } from '../ids';

/** One thing that a search found: where it is, and a word or two about it. */
export interface Found {
  kind: 'order' | 'reservation' | 'dead_letter' | 'product' | 'customer';
  id: string;
  label: string;
}

const foundMax = 10;

/**
 * Finds what an operator has in hand: an id, a SKU, a customer, a payment's reference, the key that a shop sent. Each by an
 * index; a SKU and a product's name by their beginning too, for there are few products.
 */
export async function find(queryable: Queryable, text: string): Promise<Found[]> {
  const byId = await findById(queryable, text);
  if (byId) return byId;
  const found = await Promise.all([
    products(queryable, text),
    customers(queryable, text),
    ordersOfReference(queryable, text),
    ordersOfKey(queryable, text),
  ]);
  const all = found.flat();
  return all.filter(({ id }, nth) => all.findIndex((other) => other.id === id) === nth).slice(0, foundMax);
}

/** Undefined: the text has not the form of an id. */
async function findById(queryable: Queryable, text: string): Promise<Found[] | undefined> {
  const order = parsePublicId('ord', text);
  if (order) return ordersOf(queryable, [order]);
  const reservation = parsePublicId('rsv', text);
  if (reservation) return labelled(queryable, 'reservation', 'rsv', reservationOf, reservation);
  const message = parsePublicId('evt', text);
  return message ? labelled(queryable, 'dead_letter', 'evt', letterOf, message) : undefined;
}

const reservationOf = `SELECT id, status || ', ' || customer_id AS label FROM reservations WHERE id = $1::uuid`;
const letterOf = `
  SELECT id, type || CASE WHEN retried_at IS NULL THEN '' ELSE ', sent again' END AS label
    FROM dead_letters
   WHERE id = $1::uuid`;

async function labelled(
  queryable: Queryable,
  kind: Found['kind'],
  prefix: 'rsv' | 'evt',
  sql: string,
  id: string,
): Promise<Found[]> {
  const rows = await queryable.rows<{ id: string; label: string }>(sql, [id]);
  return rows.map((row) => ({ kind, id: publicId(prefix, row.id), label: row.label }));
}

async function ordersOf(queryable: Queryable, ids: string[]): Promise<Found[]> {
  if (ids.length === 0) return [];
  const rows = await queryable.rows<{ id: string; label: string }>(
    `
    SELECT id, status || ', ' || customer_id AS label
      FROM orders
     WHERE id = ANY ($1::uuid[])
     ORDER BY id DESC
     LIMIT ${foundMax}
    `,
    [ids],
  );
  return rows.map(({ id, label }) => ({ kind: 'order', id: publicId('ord', id), label }));
}

function products(queryable: Queryable, text: string): Promise<Found[]> {
  return queryable.rows<Found>(
    `
    SELECT 'product' AS kind, sku AS id, name AS label
      FROM products
     WHERE starts_with(lower(sku), lower($1::text)) OR strpos(lower(name), lower($1::text)) > 0
     ORDER BY (lower(sku) = lower($1::text)) DESC, sku
     LIMIT ${foundMax}
    `,
    [text],
  );
}

/** A customer is known by what was ordered and reserved. */
async function customers(queryable: Queryable, text: string): Promise<Found[]> {
  const [row] = await queryable.rows<{ orders: number; reservations: number }>(
    `
    SELECT (SELECT count(*)::int FROM (SELECT FROM orders WHERE customer_id = $1::text LIMIT 1000) o) AS orders,
           (SELECT count(*)::int FROM (SELECT FROM reservations WHERE customer_id = $1::text LIMIT 1000) r) AS reservations
    `,
    [text],
  );
  const { orders, reservations } = row!;
  if (orders + reservations === 0) return [];
  return [
    {
      kind: 'customer',
      id: text,
      label: `${counted(orders, 'order')}, ${counted(reservations, 'reservation')}`,
    },
  ];
}

const counted = (count: number, noun: string) => {
  const number = count === 1_000 ? '1000+' : String(count);
  return `${number} ${noun}${count === 1 ? '' : 's'}`;
};

async function ordersOfReference(queryable: Queryable, reference: string): Promise<Found[]> {
  const rows = await queryable.rows<{ orderId: string }>(
    `
    SELECT order_id AS "orderId"
      FROM payment_operations
     WHERE kind = 'authorize' AND provider_reference = $1::text
     LIMIT ${foundMax}
    `,
    [reference],
  );
  return ordersOf(
    queryable,
    rows.map(({ orderId }) => orderId),
  );
}

/** A key is a caller's own, so each caller is asked for; there are few. */
async function ordersOfKey(queryable: Queryable, key: string): Promise<Found[]> {
  const rows = await queryable.rows<{ orderId: string }>(
    `
    SELECT k.resource_id AS "orderId"
      FROM (SELECT name FROM api_keys
             UNION SELECT unnest('{bootstrap-client,bootstrap-admin}'::text[])) AS caller (name)
      JOIN idempotency_keys k ON k.principal = caller.name AND k.operation = 'orders' AND k.key = $1::text
     LIMIT ${foundMax}
    `,
    [key],
  );
  return ordersOf(
    queryable,
    rows.map(({ orderId }) => orderId),
  );
}
