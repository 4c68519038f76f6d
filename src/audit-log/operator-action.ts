import type { Principal } from '../auth/auth.guard';
import type { Database, Tx } from '../database/database';
import type { TransactionName } from '../failpoints';
import { replayOf } from '../idempotency/idempotency.repository';
import { newId } from '../ids';
import { type ObjectType, recordActions } from './audit-log.repository';

/** Why an operator acts, and the idempotency key if one was sent. */
export interface ReasonAndKey {
  reason: string;
  key?: string;
}

export interface OperatorRequest {
  /** The transaction's name, which is also the name of its failpoints. */
  transaction: TransactionName;
  actor: Principal;
  reason: string | undefined;
  object: { type: ObjectType; id: string };
  /** Left out where the caller sends no idempotency key. */
  once?: {
    key: string | undefined;
    operation: string;
    /** The request to fingerprint. Default: only the reason. */
    request?: unknown;
    /** The id that a replay of this key gets. Default: a new one. */
    resourceId?: string;
  };
  /** Without a key, too, a second run would find that nothing is left to do. */
  isRepeatable?: boolean;
}

/** What the audit log keeps of an action that changed something. */
export interface Change {
  action: string;
  before?: unknown;
  after?: unknown;
}

export type Outcome =
  | { status: 'done' | 'unchanged' }
  /** The key was sent before. `resourceId`: what that request made. */
  | { status: 'replayed'; resourceId: string };

/**
 * What every operator's action does, in one transaction: claim the idempotency key, then `act` (lock, check, change), then
 * record who did it and why. `act` throws its refusals; it returns undefined when nothing was left to change, and then
 * nothing is recorded.
 */
export async function operatorAction(
  db: Database,
  { transaction, actor, reason, object, once, isRepeatable = false }: OperatorRequest,
  act: (tx: Tx) => Promise<Change | undefined>,
): Promise<Outcome> {
  const { key, operation = '', request = { reason }, resourceId = newId() } = once ?? {};
  const work = async (tx: Tx): Promise<Outcome> => {
    const replayed = await replayOf(tx, key, { principal: actor.name, operation, resourceId, request });
    // Our own id: this is a second run, because the answer to our COMMIT was lost.
    if (replayed === resourceId) return { status: 'done' };
    if (replayed) return { status: 'replayed', resourceId: replayed };
    const change = await act(tx);
    if (!change) return { status: 'unchanged' };
    await recordActions(tx, actor, [{ ...change, objectType: object.type, objectId: object.id, reason }]);
    return { status: 'done' };
  };
  return db.transaction(transaction, work, { rerunWhenCommitIsUnknown: key !== undefined || isRepeatable });
}
