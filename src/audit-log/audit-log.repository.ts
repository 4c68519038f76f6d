import { type Queryable, type Tx, columnsOf } from '../database/database';
import { idsOfPeriod, lastId, misdatedOf, newId } from '../ids';
import type { AdminActionEntity } from './audit-log.entity';
import type { Principal } from '../auth/auth.guard';

/** What actions are done to. */
const objectTypes = [
  'order',
  'reservation',
  'release',
  'product',
  'dead_letter',
  'load_test',
  'reconciliation',
  'payment_case',
  'payment_task',
  'webhook_endpoint',
] as const;
export type ObjectType = (typeof objectTypes)[number];

export interface NewAction {
  action: string;
  objectType: ObjectType;
  objectId: string;
  reason?: string;
  before?: unknown;
  after?: unknown;
}

/** Who did what and why, committed with the change itself. Rows are never changed. */
export async function recordActions(
  tx: Tx,
  actor: Pick<Principal, 'name'>,
  actions: NewAction[],
): Promise<void> {
  if (actions.length === 0) return;
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  await tx.affected(
    `
    INSERT INTO admin_actions (id, actor, action, object_type, object_id, reason, before, after)
    SELECT id, $2::text, action, object_type, object_id, reason, before, after
      FROM unnest($1::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[])
             AS a (id, action, object_type, object_id, reason, before, after)
    `,
    [
      actions.map(() => newId()),
      actor.name,
      ...columnsOf(actions, 'action', 'objectType', 'objectId'),
      actions.map(({ reason }) => reason ?? null),
      actions.map(({ before }) => json(before)),
      actions.map(({ after }) => json(after)),
    ],
  );
}

export interface ActionFilter {
  actor?: string;
  action?: string;
  objectType?: string;
  objectId?: string;
  from: Date | null;
  to: Date | null;
}

/**
 * One condition that has an index is part of the statement, so that each kind of list is read by its index; the others
 * only filter.
 */
const known = {
  object: `object_type = ANY ($5::text[]) AND object_id = $6::text`,
  actor: `actor = $3::text`,
  action: `action = $4::text`,
  none: `true`,
};

const page = (way: keyof typeof known) => `
  SELECT id, at, actor, action, object_type AS "objectType", object_id AS "objectId", reason, before, after
    FROM (${rows(`${known[way]} AND id < $1::uuid AND id >= $2::uuid`)}
          UNION ALL
          ${rows(`id = ANY (${misdatedOf('admin_actions', 'at', { from: '$7', to: '$8' })}) AND id < $10::uuid AND NOT (id < $1::uuid AND id >= $2::uuid)`)}) found
   ORDER BY id DESC
   LIMIT $9::int`;

/** Rows whose ids disagree with their time are found by their dates: there are few, and they have a partial index. */
const rows = (condition: string) => `
  (SELECT id, at, actor, action, object_type, object_id, reason, before, after
    FROM admin_actions
   WHERE ${condition}
     AND ($3::text IS NULL OR actor = $3::text)
     AND ($4::text IS NULL OR action = $4::text)
     AND ($5::text[] IS NULL OR object_type = ANY ($5::text[]))
     AND ($6::text IS NULL OR object_id = $6::text)
     AND ($7::timestamptz IS NULL OR at >= $7::timestamptz)
     AND ($8::timestamptz IS NULL OR at < $8::timestamptz)
   ORDER BY id DESC
   LIMIT $9::int)`;

/** Newest first; `before` is the id of the last one already seen. Returns one more than `limit` if there are more. */
export function listActions(
  queryable: Queryable,
  { actor, action, objectType, objectId, from, to }: ActionFilter,
  limit: number,
  before: string | null,
): Promise<AdminActionEntity[]> {
  const { first, below } = idsOfPeriod({ from, to }, before);
  const way = objectId ? 'object' : actor ? 'actor' : action ? 'action' : 'none';
  return queryable.rows<AdminActionEntity>(page(way), [
    below,
    first,
    actor,
    action,
    typesOf(objectType, objectId),
    objectId,
    from,
    to,
    limit + 1,
    before ?? lastId,
  ]);
}

/** The index has the type before the id, so an id alone is looked up under every type. */
function typesOf(objectType?: string, objectId?: string): string[] | null {
  if (objectType !== undefined) return [objectType];
  return objectId === undefined ? null : [...objectTypes];
}

/** Who last did one of these actions to it, and how long ago. */
export async function lastActionOn(
  queryable: Queryable,
  object: { type: ObjectType; id: string },
  actions: string[],
) {
  const [last] = await queryable.rows<{ actor: string; at: Date; seconds: number }>(
    `
    SELECT actor, at, floor(extract(epoch FROM clock_timestamp() - at))::int AS seconds
      FROM admin_actions
     WHERE object_type = $1::text AND object_id = $2::text AND action = ANY ($3::text[])
     ORDER BY id DESC
     LIMIT 1
    `,
    [object.type, object.id, actions],
  );
  return last;
}
