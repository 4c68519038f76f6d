import { type Principal, ownerFilter } from '../../auth/auth.guard';
import type { Database, Tx } from '../../database/database';
import type { TransactionName } from '../../failpoints';
import { replayOf } from '../../idempotency/idempotency.repository';
import { newId } from '../../ids';
import type { Relay } from '../../outbox/relay';
import { noSuchOrder } from '../orders.errors';
import { ownerOfOrder } from '../orders.repository';

/** A shop's request after the sale of an order, and who makes it. */
export interface FulfilmentRequest<Body> {
  orderId: string;
  body: Body;
  key: string;
  principal: Principal;
}

/**
 * Does the work in the transaction that claims the request's key. A repeat under the same key does nothing more and returns
 * the id of the first.
 */
export async function requestOnce<Body extends object>(
  { db, relay }: { db: Database; relay: Relay },
  { transaction, operation }: { transaction: TransactionName; operation: string },
  { orderId, body, key, principal }: FulfilmentRequest<Body>,
  work: (tx: Tx, id: string) => Promise<unknown>,
): Promise<{ replayed: boolean; id: string }> {
  const id = newId();
  const claim = { principal: principal.name, operation, resourceId: id };
  const result = await db.transaction(
    transaction,
    async (tx) => {
      await refuseForeign(tx, orderId, principal);
      const before = await replayOf(tx, key, { ...claim, request: { id: orderId, ...body } });
      if (before) return { replayed: before !== id, id: before };
      await work(tx, id);
      return { replayed: false, id };
    },
    { rerunWhenCommitIsUnknown: true },
  );
  relay.poke();
  return result;
}

/** Another shop's order is not found. */
async function refuseForeign(tx: Tx, orderId: string, principal: Principal): Promise<void> {
  const owner = await ownerOfOrder(tx, orderId);
  if (owner === undefined || (ownerFilter(principal) ?? owner) !== owner) throw noSuchOrder();
}
