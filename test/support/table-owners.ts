import { dirname } from 'node:path';

/**
 * The folders whose files may write or lock each table. All others call them; `reporting/` and `audit/`, which nothing
 * below them imports, may read everything.
 */
export const owners: Record<string, string[]> = {
  api_keys: ['auth'],
  sessions: ['auth'],
  sign_in_failures: ['auth'],
  idempotency_keys: ['idempotency'],
  admin_actions: ['audit-log'],
  outbox: ['outbox'],
  inbox: ['outbox'],
  dead_letters: ['outbox'],
  event_upkeep: ['outbox'],
  products: ['inventory/products'],
  // Each strategy takes stock with its own statement: that is what is compared.
  stock_levels: ['inventory/stock', 'inventory/allocation/strategies'],
  stock_units: ['inventory/stock', 'inventory/allocation/strategies'],
  stock_movements: ['inventory/stock'],
  leases: ['inventory/allocation/strategies'],
  reservations: ['inventory/reservations'],
  reservation_lines: ['inventory/reservations'],
  releases: ['inventory/bulk-release'],
  shipments: ['inventory/shipments'],
  payment_operations: ['payment'],
  payment_facts: ['payment'],
  payment_checks: ['payment'],
  installation: ['payment'],
  reconciliations: ['reconciliation'],
  provider_events: ['payment/webhooks'],
  payment_tasks: ['orders/fulfilment'],
  orders: ['orders'],
  order_lines: ['orders'],
  sagas: ['orders/checkout-saga'],
  saga_transitions: ['orders/checkout-saga'],
  webhook_endpoints: ['webhooks/endpoints', 'webhooks/delivery'],
  webhook_waiting: ['webhooks/delivery'],
  webhook_deliveries: ['webhooks/delivery'],
  webhook_replays: ['webhooks/delivery'],
  workers: ['background'],
  sweep_leases: ['background'],
  activity: ['reporting'],
  strategy_measurements: ['reporting'],
  last_audit: ['audit'],
};

/** Reads of another room's table, and why each is not a call to its owner. */
export const foreignReads: Record<string, string> = {
  'orders/shown-orders.repository.ts reads payment_operations':
    'an order is shown with its payment, in one statement',
  'orders/shown-orders.repository.ts reads payment_facts':
    'an order is shown with its payment, in one statement',
  'orders/orders.repository.ts reads reservations':
    'an order that gets another reservation keeps the count of the one before',
  'orders/shown-orders.repository.ts reads reservations':
    'an order is shown with its reservation, in one statement',
  'orders/shown-orders.repository.ts reads shipments':
    'an order is shown with its shipments, in one statement',
  'orders/shown-orders.repository.ts reads reservation_lines':
    'an order is shown with what is left to ship, in one statement',
  'orders/order-watch.ts reads payment_operations':
    'whether orders wait for their buyers is read with their versions, in one statement for all watched ones',
  'database/cell-check.ts reads installation':
    'every new connection is checked for its cell, before anything else may use it',
  'outbox/event-owners.ts reads orders': 'whose old messages are is filled in by one statement per batch',
  'outbox/event-owners.ts reads reservations':
    'whose old messages are is filled in by one statement per batch',
  'outbox/event-pruning.ts reads sagas':
    'only events of orders that have ended are deleted, by one statement per batch',
  'outbox/event-pruning.ts reads payment_tasks': 'only events of orders that have ended are deleted',
  'outbox/event-pruning.ts reads reservations': 'only events of reservations that have ended are deleted',
  'shop-events/shop-feed.repository.ts reads outbox':
    "a shop's feed is read from the messages, by their index of owners",
  'webhooks/delivery/deliveries.repository.ts reads outbox':
    'endpoints are delivered to from cursors over the messages',
  'webhooks/delivery/endpoint-claims.repository.ts reads outbox':
    'endpoints are delivered to from cursors over the messages',
  'webhooks/delivery/replays.repository.ts reads outbox':
    'endpoints are delivered to from cursors over the messages',
  'webhooks/delivery/waiting.repository.ts reads outbox':
    'endpoints are delivered to from cursors over the messages',
  'webhooks/endpoints/endpoints.repository.ts reads outbox':
    'how old the oldest event is that an endpoint has not taken',
  'orders/order-watch.ts reads reservations':
    'the versions of all watched orders are read in one statement, and a part of them is there',
  'database/newest-event.ts reads outbox':
    'every new connection reads when the newest event was written, before anything else may use it',
  'health/readiness.ts reads products': 'the cheapest proof that the schema exists',
  'orders/checkout-saga/old-workers.ts reads workers':
    'what an older worker would mistake is refused while one runs',
  'health/readiness.ts reads workers': 'what each worker reported of its periodic tasks',
  'payment/webhooks/provider-events.repository.ts reads sagas':
    'whether a saga waits for an event is found in the statement that stores it',
  'background/provider-event.worker.ts reads orders': 'which of the orders that webhooks name exist',
};

interface SourceFile {
  path: string;
  text: string;
}

const roomOf = (path: string) => path.split('/')[0]!;
const folderOwns = (path: string, folder: string) => {
  const own = dirname(path);
  return own === folder || (folder === 'reporting' && own.startsWith('reporting/'));
};

const withoutComments = (text: string) =>
  text.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/^\s*\/\/.*$/gm, ' ');

/** Writes or locks of tables that another folder owns, or that hide from this search. */
export function foreignWrites({ path, text }: SourceFile): string[] {
  const sql = withoutComments(text);
  const hidden = [...sql.matchAll(/\b(?:INSERT INTO|(?<!FOR )UPDATE|DELETE FROM|TRUNCATE)\s+\$\{/g)];
  const tables = [...writtenIn(sql), ...lockedIn(sql)];
  return [
    ...hidden.map(() => `${path} writes a table that its SQL does not name`),
    ...tables
      .filter((table) => owners[table] && !owners[table].some((folder) => folderOwns(path, folder)))
      .map((table) => `${path} writes or locks ${table}, which belongs to ${owners[table]!.join(', ')}`),
  ];
}

export function foreignReadsIn({ path, text }: SourceFile): string[] {
  if (['reporting', 'audit'].includes(roomOf(path))) return [];
  return [
    ...new Set([...withoutComments(text).matchAll(/\b(?:FROM|JOIN)\s+(\w+)/g)].map(([, table]) => table!)),
  ]
    .filter((table) => owners[table] && !owners[table].some((folder) => roomOf(folder) === roomOf(path)))
    .map((table) => `${path} reads ${table}`);
}

const writtenIn = (sql: string) =>
  [
    ...sql.matchAll(
      /\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|TRUNCATE(?: TABLE)?|LOCK TABLE)\s+(\w+)/g,
    ),
  ].map(([, table]) => table!);

/** The tables of a locking SELECT: those named by OF, or all of its FROM and JOIN. */
function lockedIn(sql: string): string[] {
  return [
    ...sql.matchAll(/\bFOR (?:NO KEY )?(?:UPDATE|SHARE|KEY SHARE)\b(?:\s+OF\s+(\w+(?:,\s*\w+)*))?/g),
  ].flatMap(({ index, 1: named }) => {
    const aliases = named?.split(/,\s*/);
    return [...selectBefore(sql, index).matchAll(/\b(?:FROM|JOIN)\s+(\w+)(?:\s+(?:AS\s+)?([a-z]\w*))?/g)]
      .filter(([, table, alias]) => !aliases || aliases.includes(table!) || aliases.includes(alias ?? ''))
      .map(([, table]) => table!);
  });
}

/** The text of the SELECT that ends at `end`, without parenthesized parts. */
function selectBefore(sql: string, end: number): string {
  let depth = 0;
  let select = '';
  for (let at = end - 1; at >= 0 && sql[at] !== '`'; at--) {
    const character = sql[at]!;
    if (character === ')') depth++;
    else if (character === '(' && depth-- === 0) break;
    else if (depth === 0) select = character + select;
  }
  return select;
}
