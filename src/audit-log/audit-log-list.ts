import type { Queryable } from '../database/database';
import { idsOfPeriod, lastId, misdatedOf } from '../ids';

/** The audit log, as it is read: rows are only ever added to it. */
export interface Action {
  id: string;
  at: Date;
  actor: string;
  action: string;
  objectType: string;
  objectId: string;
  reason: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export interface ActionFilter {
  actor: string | null;
  action: string | null;
  objectType: string | null;
  objectId: string | null;
  from: Date | null;
  to: Date | null;
}

/** What acts are done to. */
const objectTypes = ['order', 'reservation', 'release', 'product', 'dead_letter', 'load_test'];

/**
 * The conditions that an index knows are put in only when they are asked for, so that each list is read by its own; the
 * others sift what that gives.
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

/** Those whose ids lie about their time are found by their dates alone: there are few, and an index has just them. */
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

/** Newest first; `before` is the id of the last one already seen. One more than `limit`, if there are more. */
export function listActions(
  queryable: Queryable,
  { actor, action, objectType, objectId, from, to }: ActionFilter,
  limit: number,
  before: string | null,
): Promise<Action[]> {
  const { first, below } = idsOfPeriod({ from, to }, before);
  const way = objectId !== null ? 'object' : actor !== null ? 'actor' : action !== null ? 'action' : 'none';
  return queryable.rows<Action>(page(way), [
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

/** The index has the type before the id, so an id alone is looked for under each. */
function typesOf(objectType: string | null, objectId: string | null): string[] | null {
  if (objectType !== null) return [objectType];
  return objectId === null ? null : objectTypes;
}
