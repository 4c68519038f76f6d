import type { DisputeRecord, IntentRecord, Outcome } from '../ledger/records';
import { due, newId, refusal } from './payment-intents';

export interface Dispute {
  amount: number | undefined;
  reason: string;
  /** How it ends by itself, if it does. */
  ends?: { outcome: 'won' | 'lost'; afterMs: number };
}

/** The buyer's bank takes the money back, before anybody has decided who is right. */
export function openDispute(intent: IntentRecord, { amount, reason, ends }: Dispute, at: number): Outcome {
  const { chargeId } = intent;
  if (intent.received === 0 || chargeId === null)
    return refusal(
      intent,
      undefined,
      `The payment ${intent.id} was not captured, so nothing can be disputed.`,
    );
  if (intent.dispute !== undefined)
    return refusal(intent, undefined, `The charge ${chargeId} was disputed before.`);
  const dispute: DisputeRecord = {
    id: newId('du'),
    paymentIntent: intent.id,
    chargeId,
    createdAt: at,
    amount: Math.min(amount ?? intent.received, intent.received),
    currency: intent.currency,
    reason,
    status: 'needs_response',
  };
  return {
    movements: [{ kind: 'dispute', amount: dispute.amount }],
    intent: { ...intent, dispute: 'open' },
    dispute,
    status: 200,
    events: ['charge.dispute.created', 'charge.dispute.funds_withdrawn'],
    ...(ends && {
      follows: [
        due(at + ends.afterMs, {
          kind: 'dispute-closes',
          disputeId: dispute.id,
          outcome: ends.outcome,
        }),
      ],
    }),
  };
}

export type DisputeStep = 'under_review' | 'won' | 'lost';

/** The shop has answered (`under_review`), or the bank has decided. A won dispute brings the money back. */
export function moveDispute(intent: IntentRecord, dispute: DisputeRecord, step: DisputeStep): Outcome {
  const moved: DisputeRecord = { ...dispute, status: step };
  if (step === 'under_review')
    return { movements: [], intent, dispute: moved, status: 200, events: ['charge.dispute.updated'] };
  return {
    movements: step === 'won' ? [{ kind: 'dispute_won', amount: dispute.amount }] : [],
    intent: { ...intent, dispute: step },
    dispute: moved,
    status: 200,
    events: [
      ...(step === 'won' ? (['charge.dispute.funds_reinstated'] as const) : []),
      'charge.dispute.closed',
    ],
  };
}

export const isClosed = ({ status }: DisputeRecord): boolean => status === 'won' || status === 'lost';
