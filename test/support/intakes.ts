import type { IntakeAnswer } from '../../src/orders/intake/intake';
import type { World } from './fixtures';

export const line = (sku: string, quantity = 1) => ({ sku, quantity });

/** Each answer as one word: `accepted`, `replayed`, or the code of the refusal. */
export const wordsOf = (answers: IntakeAnswer[]) =>
  answers.map((answer) =>
    'refused' in answer ? answer.refused.code : answer.replayed ? 'replayed' : 'accepted',
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

/** How many rows there are of everything that an intake writes. */
export async function countRows(world: World): Promise<Record<string, number>> {
  const counts = tables.map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`);
  return world.row<Record<string, number>>(`SELECT ${counts.join(', ')}`);
}

/** What was written since then, tables without a new row left out. */
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
