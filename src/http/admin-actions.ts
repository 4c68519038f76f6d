import type { Tx } from '../database/database';
import { newId } from '../ids';
import type { Principal } from './auth';

export interface AdminAction {
  action: string;
  objectType: string;
  objectId: string;
  reason?: string;
  before?: unknown;
  after?: unknown;
}

/** Who did what, and why, committed with what was done. Rows are never changed. */
export async function recordAction(tx: Tx, actor: Principal, action: AdminAction): Promise<void> {
  await tx.affected(
    `
    INSERT INTO admin_actions (id, actor, action, object_type, object_id, reason, before, after)
    VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::jsonb, $8::jsonb)
    `,
    [
      newId(),
      actor.name,
      action.action,
      action.objectType,
      action.objectId,
      action.reason ?? null,
      action.before === undefined ? null : JSON.stringify(action.before),
      action.after === undefined ? null : JSON.stringify(action.after),
    ],
  );
}
