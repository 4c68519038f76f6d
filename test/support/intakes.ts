import type { Decision } from '../../src/idempotency/idempotency.repository';
import type { World } from './fixtures';

export const line = (sku: string, quantity = 1) => ({ sku, quantity });

/** Each decision as one word: `accepted`, `replayed`, or the refusal's code. */
export const wordsOf = (decisions: Decision<object>[]) =>
  decisions.map((decision) =>
    'refused' in decision ? decision.refused.code : decision.replayed ? 'replayed' : 'accepted',
  );

const tables = [
  'idempotency_keys',
  'reservations',
  'reservation_lines',
  'orders',
  'order_lines',
  'sagas',
  'saga_transitions',
  'outbox',
];

/** Row counts of every table that an intake writes. */
export async function countRows(world: World): Promise<Record<string, number>> {
  const counts = tables.map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`);
  return world.row<Record<string, number>>(`SELECT ${counts.join(', ')}`);
}

/** Rows written since then, by table; tables without a new row are left out. */
export async function rowsSince(
  world: World,
  before: Record<string, number>,
): Promise<Record<string, number>> {
  const added = Object.entries(await countRows(world)).map(([table, count]) => [
    table,
    count - before[table]!,
  ]);
  return Object.fromEntries(added.filter(([, count]) => count !== 0)) as Record<string, number>;
}
