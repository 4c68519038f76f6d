import type { Tx } from '../../database/database';
import { endRefunds } from '../../payment/operation-news.repository';
import { type FactType, type NewFact, saveFacts, settleFacts } from '../../payment/payment-facts.repository';
import type { MessageType } from '../../outbox/outbox.repository';
import { announceFacts } from '../orders.repository';
import { type Difference, type OurPayment, failedBefore } from './compare';

/** The facts that a difference changes, by its kind; a refund of ours that succeeded needs none. */
const factOf = (kind: Difference['kind']): FactType | undefined => {
  if (kind === 'refund_settled') return undefined;
  if (kind === 'dispute_updated') return 'dispute_opened';
  return kind === 'refund_updated' ? 'refunded_outside' : kind;
};

/** A difference and the fact that it became. */
export type Recorded = Difference & { factId: string | null };

/**
 * Records differences of one order: operations, facts, cases and the messages about them. It never moves stock or the order's
 * status. The caller has locked the order's saga, so that two of these never record one order at once.
 */
export async function applyDifferences(
  tx: Tx,
  ours: OurPayment,
  differences: Difference[],
  now: Date,
): Promise<Recorded[]> {
  if (differences.length === 0) return [];
  await endRefunds(
    tx,
    differences.flatMap(({ kind, operationId, reference, data }) =>
      operationId === null
        ? []
        : [
            {
              operationId,
              reference,
              status: kind === 'refund_failed' ? ('failed' as const) : ('approved' as const),
              failureReason: typeof data.failureReason === 'string' ? data.failureReason : null,
            },
          ],
    ),
    now,
  );
  const facts = differences.flatMap((difference) => {
    const type = factOf(difference.kind);
    return type ? [{ difference, fact: newFact(ours, difference, type) }] : [];
  });
  const ids = await saveFacts(
    tx,
    facts.map(({ fact }) => fact),
  );
  const idOf = new Map(facts.map(({ difference }, nth) => [difference, ids[nth]!]));
  const saved = facts.map(({ fact }, nth) => ({ ...fact, id: ids[nth]! }));
  await settleFacts(tx, {
    ids: differences.flatMap((difference) => settledBy(ours, difference, saved)),
    by: 'provider',
    reason: 'the provider reported its end',
    now,
  });
  await announceFacts(tx, ours.orderId, differences.flatMap(messagesOf));
  return differences.map((difference) => ({ ...difference, factId: idOf.get(difference) ?? null }));
}

const newFact = (ours: OurPayment, difference: Difference, type: FactType): NewFact => ({
  orderId: ours.orderId,
  type,
  reference: difference.reference,
  amount: difference.amount,
  currency: difference.currency,
  status: difference.status,
  dueBy: difference.dueBy,
  data: difference.data,
  at: difference.at,
  amountAtRisk: difference.amountAtRisk,
  isCase: difference.isCase,
});

/** The cases that this difference ends. `saved`: the facts of this commit. */
function settledBy(
  ours: OurPayment,
  { kind, reference, status, operationId }: Difference,
  saved: { id: string; type: FactType; reference: string }[],
): string[] {
  const facts = [...ours.facts, ...saved];
  const ids = (type: FactType) =>
    facts.filter((one) => one.type === type && one.reference === reference).map(({ id }) => id);
  if (kind === 'dispute_won' || kind === 'dispute_lost') return ids('dispute_opened');
  const operation = ours.operations.find(({ id }) => id === operationId);
  if (kind === 'refund_settled' && operation) return failedBefore(ours, operation).map(({ id }) => id);
  if (kind === 'authorization_expired') return ids('authorization_ends');
  if (kind === 'refund_updated' && (status === 'failed' || status === 'canceled'))
    return ids('refunded_outside');
  return [];
}

function messagesOf(difference: Difference): { type: MessageType; payload: Record<string, unknown> }[] {
  const { kind, reference, amount, currency, status, dueBy, data } = difference;
  const about = { reference, amount: { amount, currency } };
  const message = (type: MessageType, more: Record<string, unknown> = {}) => [
    { type, payload: { ...about, ...more } },
  ];
  switch (kind) {
    case 'refund_settled':
      return message('order.refund_succeeded');
    case 'refund_failed':
      return message('order.refund_failed', { failureReason: data.failureReason });
    case 'refunded_outside':
    case 'refund_updated':
      if (status === 'succeeded') return message('order.refund_succeeded', { outside: true });
      return status === 'failed' || status === 'canceled'
        ? message('order.refund_failed', { outside: true, failureReason: data.failureReason ?? status })
        : [];
    case 'dispute_opened':
      return message('order.dispute_opened', { reason: data.reason, dueBy: dueBy?.toISOString() ?? null });
    case 'dispute_won':
    case 'dispute_lost':
      return message('order.dispute_closed', { status });
    case 'authorization_expired':
      return message('order.authorization_expired');
    default:
      return [];
  }
}
