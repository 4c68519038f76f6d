import { z } from 'zod';
import type { Queryable } from '../../database/database';
import { int, responseType, text } from '../../http/responses';
import { parsePublicId, publicId } from '../../ids';
import { authorizationKinds } from '../../payment/payment-operations.repository';

/** One result of a search. */
export const foundType = responseType('FoundObject', {
  kind: z.enum(['order', 'reservation', 'dead_letter', 'product', 'customer']).meta({ example: 'customer' }),
  id: text('cus_42').describe("Its id, a product's SKU, or the shop's id of the customer."),
  label: text('3 orders, 4 reservations'),
  orders: int(3).nullable().describe('Of a customer, counted to 1 000.'),
  reservations: int(4).nullable(),
});
type Found = z.infer<typeof foundType>;

type FoundOne = Omit<Found, 'orders' | 'reservations'>;

const foundMax = 10;

/**
 * Finds what an operator may have at hand: an id, whole or shortened, a SKU, a customer, a payment reference, or a shop's
 * idempotency key. Each by an index; products, which are few, also by part of their name.
 */
export async function find(queryable: Queryable, text: string): Promise<Found[]> {
  const found = await findAnything(queryable, text);
  return found.map((one) => ({ orders: null, reservations: null, ...one }));
}

async function findAnything(queryable: Queryable, text: string): Promise<(FoundOne | Found)[]> {
  const byId = (await findById(queryable, text)) ?? (await findByPartOfId(queryable, text));
  if (byId) return byId;
  const found = await Promise.all([
    products(queryable, text),
    customers(queryable, text),
    ordersOfReference(queryable, text),
    ordersOfKey(queryable, text),
  ]);
  const all = found.flat();
  if (all.length === 0 && /^[0-9a-z]{4}$/i.test(text)) return idsEndingIn(queryable, searched, text);
  return distinct(all);
}

const distinct = <One extends FoundOne>(all: One[]): One[] =>
  all.filter(({ id }, nth) => all.findIndex((other) => other.id === id) === nth).slice(0, foundMax);

/** Undefined: the text does not have the form of an id. */
async function findById(queryable: Queryable, text: string): Promise<FoundOne[] | undefined> {
  // A payment operation's key at the provider begins with its order's id; the operation itself may have been lost.
  const key = /^([^:]+):(?:authorize|charge|capture|void|refund):\d+$/.exec(text);
  for (const prefix of searched) {
    const id = parsePublicId(prefix, key?.[1] ?? text);
    if (id) return labelled(queryable, prefix, [id]);
  }
  return undefined;
}

const searched = ['ord', 'rsv', 'evt', 'pay'] as const;
type SearchedPrefix = (typeof searched)[number];

/** "ord_…h7k2" is an id as the pages show it, "ord_01jd3v7q8n" the beginning of one. */
async function findByPartOfId(queryable: Queryable, text: string): Promise<FoundOne[] | undefined> {
  const short = /^(?:(ord|rsv|evt|pay)_)?(?:…|\.{2,3})([0-9a-z]{4,26})$/i.exec(text);
  if (short)
    return idsEndingIn(
      queryable,
      short[1] ? [short[1].toLowerCase() as SearchedPrefix] : searched,
      short[2]!,
    );
  const begun = /^(ord|rsv|evt|pay)_([0-9a-z]{4,25})$/i.exec(text);
  if (!begun) return undefined;
  const prefix = begun[1]!.toLowerCase() as SearchedPrefix;
  const [first, last] = ['0', 'z'].map((digit) => hexOf(begun[2]!.padEnd(26, digit)));
  if (!first || !last) return [];
  const rows = await queryable.rows<{ id: string }>(
    `SELECT id FROM ${tables[prefix]} WHERE id BETWEEN $1::uuid AND $2::uuid ORDER BY id DESC LIMIT ${foundMax}`,
    [first, last],
  );
  return labelled(queryable, prefix, idsOf(rows));
}

const digitsOfIds = '0123456789abcdefghjkmnpqrstvwxyz';

/** The 32 hexadecimal digits of a public id's digits; undefined if no id can have them. */
function hexOf(text: string): string | undefined {
  const values = [...text.toLowerCase()].map((digit) => digitsOfIds.indexOf(digit));
  if (values.includes(-1)) return undefined;
  const hex = values
    .reduce((sum, value) => sum * 32n + BigInt(value), 0n)
    .toString(16)
    .padStart(32, '0');
  return hex.length === 32 ? hex : undefined;
}

const tables = { ord: 'orders', rsv: 'reservations', evt: 'dead_letters', pay: 'payment_operations' };
const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id);

/**
 * How many of the newest ids are searched for an ending: it reads only the primary key and takes a quarter of a second. An
 * index of endings would make every order more expensive for a rare search.
 */
const endingsRead = 500_000;

/** The last four digits are the last 20 bits: five of the hexadecimal digits. Longer endings are compared as a whole. */
async function idsEndingIn(
  queryable: Queryable,
  prefixes: readonly SearchedPrefix[],
  digits: string,
): Promise<FoundOne[]> {
  const ending = digits.toLowerCase();
  const hex = hexOf(ending.slice(-4))?.slice(-5);
  if (!hex) return [];
  const found: FoundOne[] = [];
  for (const prefix of prefixes) {
    const rows = await queryable.rows<{ id: string }>(endingSql[prefix], [hex]);
    const ids = idsOf(rows).filter((id) => publicId(prefix, id).endsWith(ending));
    found.push(...(await labelled(queryable, prefix, ids.slice(0, foundMax))));
  }
  return distinct(found);
}

const newestEndingIn = (table: string) => `
  SELECT id
    FROM (SELECT id FROM ${table} ORDER BY id DESC LIMIT ${endingsRead}) newest
   WHERE id::text LIKE '%' || $1::text`;

/** What waits for an operator is found however old it is. */
const endingSql: Record<SearchedPrefix, string> = {
  ord: `${newestEndingIn('orders')}
   UNION
  SELECT order_id FROM sagas
   WHERE status IN ('running', 'compensating', 'stuck') AND order_id::text LIKE '%' || $1::text
   ORDER BY 1 DESC`,
  rsv: `${newestEndingIn('reservations')}
   UNION
  SELECT id FROM reservations
   WHERE status IN ('active', 'pinned') AND id::text LIKE '%' || $1::text
   ORDER BY 1 DESC`,
  evt: `${newestEndingIn('dead_letters')} ORDER BY 1 DESC`,
  pay: `${newestEndingIn('payment_operations')} ORDER BY 1 DESC`,
};

/** What an id leads to; a payment operation's id leads to its order. */
const seen: Record<
  SearchedPrefix,
  { kind: Found['kind']; publicPrefix: 'ord' | 'rsv' | 'evt'; sql: string }
> = {
  ord: {
    kind: 'order',
    publicPrefix: 'ord',
    sql: `SELECT id, status || ', ' || customer_id AS label FROM orders WHERE id = ANY ($1::uuid[])`,
  },
  rsv: {
    kind: 'reservation',
    publicPrefix: 'rsv',
    sql: `SELECT id, status || ', ' || customer_id AS label FROM reservations WHERE id = ANY ($1::uuid[])`,
  },
  evt: {
    kind: 'dead_letter',
    publicPrefix: 'evt',
    sql: `
      SELECT id, type || CASE WHEN retried_at IS NULL THEN '' ELSE ', sent again' END AS label
        FROM dead_letters
       WHERE id = ANY ($1::uuid[])`,
  },
  pay: {
    kind: 'order',
    publicPrefix: 'ord',
    sql: `
      SELECT DISTINCT o.id, o.status || ', ' || o.customer_id AS label
        FROM payment_operations p JOIN orders o ON o.id = p.order_id
       WHERE p.id = ANY ($1::uuid[])`,
  },
};

async function labelled(queryable: Queryable, prefix: SearchedPrefix, ids: string[]): Promise<FoundOne[]> {
  if (ids.length === 0) return [];
  const { kind, publicPrefix, sql } = seen[prefix];
  const rows = await queryable.rows<{ id: string; label: string }>(
    `${sql} ORDER BY id DESC LIMIT ${foundMax}`,
    [ids],
  );
  return rows.map(({ id, label }) => ({ kind, id: publicId(publicPrefix, id), label }));
}

function products(queryable: Queryable, text: string): Promise<FoundOne[]> {
  return queryable.rows<FoundOne>(
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

/** Customers have no table: they exist through orders and reservations. */
async function customers(queryable: Queryable, text: string): Promise<Found[]> {
  const [row] = await queryable.rows<{ orders: number; reservations: number }>(
    `
    SELECT (SELECT count(*)::int FROM (SELECT id FROM orders WHERE customer_id = $1::text LIMIT 1000) o) AS orders,
           (SELECT count(*)::int FROM (SELECT id FROM reservations WHERE customer_id = $1::text LIMIT 1000) r) AS reservations
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
      orders,
      reservations,
    },
  ];
}

const counted = (count: number, noun: string) => {
  const number = count === 1_000 ? '1000+' : String(count);
  return `${number} ${noun}${count === 1 ? '' : 's'}`;
};

async function ordersOfReference(queryable: Queryable, reference: string): Promise<FoundOne[]> {
  const rows = await queryable.rows<{ id: string }>(
    `
    SELECT order_id AS id
      FROM payment_operations
     WHERE kind IN ${authorizationKinds} AND provider_reference = $1::text
     LIMIT ${foundMax}
    `,
    [reference],
  );
  return labelled(queryable, 'ord', idsOf(rows));
}

/** A key belongs to a caller, so each caller is tried; there are few. */
async function ordersOfKey(queryable: Queryable, key: string): Promise<FoundOne[]> {
  const rows = await queryable.rows<{ id: string }>(
    `
    SELECT k.resource_id AS id
      FROM (SELECT name FROM api_keys
             UNION SELECT unnest('{bootstrap-client,bootstrap-admin}'::text[])) AS caller (name)
      JOIN idempotency_keys k ON k.principal = caller.name AND k.operation = 'orders' AND k.key = $1::text
     LIMIT ${foundMax}
    `,
    [key],
  );
  return labelled(queryable, 'ord', idsOf(rows));
}
