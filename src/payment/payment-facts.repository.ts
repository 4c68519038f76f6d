import type { Queryable, Tx } from '../database/database';
import { newId } from '../ids';

/**
 * Facts that begin at the provider, one per type and object of the provider. `is_case`: it waits for an operator, until it is
 * settled.
 */
export const factTypes = [
  /** A refund of ours did not reach the customer. */
  'refund_failed',
  /** A refund that was not asked for here, as from the provider's dashboard. */
  'refunded_outside',
  'dispute_opened',
  'dispute_won',
  'dispute_lost',
  /** It ends soon, and its order has not been captured. */
  'authorization_ends',
  /** It ended, or was cancelled in the dashboard, before it was captured. */
  'authorization_expired',
  /** A capture after the sale was declined: the goods stay until it is settled. */
  'capture_declined',
  /** An authorization that no saga keeps. */
  'stray_authorization',
  /** Captured money that belongs to no capture of ours. */
  'stray_charge',
  /** We have recorded a capture that the provider does not have. */
  'not_captured',
  'amount_differs',
  /** The provider names an order that this database does not know. */
  'unknown_order',
] as const;
export type FactType = (typeof factTypes)[number];

export interface NewFact {
  orderId: string | null;
  type: FactType;
  reference: string;
  amount: number;
  currency: string;
  /** The provider's word. */
  status: string | null;
  dueBy: Date | null;
  data: Record<string, unknown>;
  at: Date;
  amountAtRisk: number;
  isCase: boolean;
}

export interface PaymentFact extends NewFact {
  id: string;
  settledAt: Date | null;
  settledBy: string | null;
}

/** The connected account of the payment that a fact is about, where it may be voided; null: our own. */
export const accountOf = ({ data }: Pick<NewFact, 'data'>): string | null =>
  typeof data.account === 'string' ? data.account : null;

const columns = `
  id, order_id AS "orderId", type, reference, amount, currency, status, due_by AS "dueBy", data, at,
  amount_at_risk AS "amountAtRisk", is_case AS "isCase", settled_at AS "settledAt", settled_by AS "settledBy"`;

/** All facts of these orders, oldest first. */
export function factsOfOrders(queryable: Queryable, orderIds: string[]): Promise<PaymentFact[]> {
  return queryable.rows<PaymentFact>(
    `SELECT ${columns} FROM payment_facts WHERE order_id = ANY ($1::uuid[]) ORDER BY at, id`,
    [orderIds],
  );
}

/** For an operator's action. Undefined: there is no such fact. */
export async function lockFact(tx: Tx, id: string): Promise<PaymentFact | undefined> {
  const [fact] = await tx.rows<PaymentFact>(
    `SELECT ${columns} FROM payment_facts WHERE id = $1::uuid FOR UPDATE`,
    [id],
  );
  return fact;
}

export async function findFact(queryable: Queryable, id: string): Promise<PaymentFact | undefined> {
  const [fact] = await queryable.rows<PaymentFact>(
    `SELECT ${columns} FROM payment_facts WHERE id = $1::uuid`,
    [id],
  );
  return fact;
}

/** Writes facts, each once: found again, only its status and its deadline follow the provider's. Returns their ids in order. */
export async function saveFacts(tx: Tx, facts: NewFact[]): Promise<string[]> {
  if (facts.length === 0) return [];
  const saved = await tx.rows<{ id: string; reference: string; type: FactType }>(
    `
    INSERT INTO payment_facts AS f (id, order_id, type, reference, amount, currency, status, due_by, data, at, amount_at_risk,
                                    is_case)
    SELECT id, order_id, type, reference, amount, currency, status, due_by, data, at, amount_at_risk, is_case
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::timestamptz[],
                  $9::jsonb[], $10::timestamptz[], $11::bigint[], $12::boolean[])
             AS n (id, order_id, type, reference, amount, currency, status, due_by, data, at, amount_at_risk, is_case)
     ORDER BY reference, type
        ON CONFLICT (reference, type) DO UPDATE
       SET status = excluded.status, due_by = excluded.due_by, data = f.data || excluded.data
    RETURNING id, reference, type
    `,
    [
      facts.map(() => newId()),
      facts.map((fact) => fact.orderId),
      facts.map((fact) => fact.type),
      facts.map((fact) => fact.reference),
      facts.map((fact) => fact.amount),
      facts.map((fact) => fact.currency),
      facts.map((fact) => fact.status),
      facts.map((fact) => fact.dueBy),
      facts.map((fact) => JSON.stringify(fact.data)),
      facts.map((fact) => fact.at),
      facts.map((fact) => fact.amountAtRisk),
      facts.map((fact) => fact.isCase),
    ],
  );
  return facts.map(
    ({ reference, type }) => saved.find((one) => one.reference === reference && one.type === type)!.id,
  );
}

/** By an operator, or because the provider has settled it. Returns how many were open. */
export function settleFacts(
  tx: Tx,
  { ids, by, reason, now }: { ids: string[]; by: string; reason: string; now: Date },
): Promise<number> {
  return tx.affected(
    `
    UPDATE payment_facts SET settled_at = $4::timestamptz, settled_by = $2::text, settled_reason = $3::text
     WHERE id = ANY ($1::uuid[]) AND is_case AND settled_at IS NULL
    `,
    [ids, by, reason, now],
  );
}

/** Words for a dispute that is over in the shop's favour, or was an inquiry that ended. */
export const wonDisputeStatuses: readonly string[] = ['won', 'warning_closed', 'prevented'];
export const disputeIsWon = (status: string | null): boolean =>
  status !== null && wonDisputeStatuses.includes(status);
/** An inquiry: the bank asks, and no money has moved. A refund is the usual answer to it. */
export const isInquiry = (status: string | null): boolean => status?.startsWith('warning_') ?? false;

/** With an open or lost dispute the bank has taken the money back, so that a refund would pay the buyer twice. */
export async function isDisputed(queryable: Queryable, orderId: string): Promise<boolean> {
  const facts = await factsOfOrders(queryable, [orderId]);
  return facts.some(
    ({ type, status }) => type === 'dispute_opened' && !disputeIsWon(status) && !isInquiry(status),
  );
}
