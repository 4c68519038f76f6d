import type { Tx } from '../database/database';
import { newId } from '../ids';
import type { Principal } from '../auth/auth.guard';

export interface AdminAction {
  action: string;
  objectType: string;
  objectId: string;
  reason?: string;
  before?: unknown;
  after?: unknown;
}

/** Who did what, and why, committed with what was done. Rows are never changed. */
export async function recordAction(
  tx: Tx,
  actor: Pick<Principal, 'name'>,
  action: AdminAction,
): Promise<void> {
  await recordActions(tx, actor, [action]);
}

/** The same for an act on many things. */
export async function recordActions(
  tx: Tx,
  actor: Pick<Principal, 'name'>,
  actions: AdminAction[],
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
      actions.map(({ action }) => action),
      actions.map(({ objectType }) => objectType),
      actions.map(({ objectId }) => objectId),
      actions.map(({ reason }) => reason ?? null),
      actions.map(({ before }) => json(before)),
      actions.map(({ after }) => json(after)),
    ],
  );
}
