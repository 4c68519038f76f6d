import type { Ledger } from '../ledger/ledger';
import type { Change, IntentRecord, Outcome } from '../ledger/records';
import type { StripeErrorBody } from '../stripe/errors';
import { isClosed, moveDispute, openDispute } from './disputes';
import { askBank, authorized, expire } from './payment-intents';
import { refundFails, refundSucceeds } from './refunds';

/** What happens by itself, or undefined when it no longer fits the state. */
export function outcomeOf(ledger: Ledger, change: Change, at: number): Outcome | undefined {
  switch (change.kind) {
    case 'processing-ends': {
      const intent = ledger.intents.get(change.intentId)!;
      return intent.status === 'processing' ? authorized(intent, at) : undefined;
    }
    case 'authorization-expires': {
      const intent = ledger.intents.get(change.intentId)!;
      return intent.status === 'requires_capture' ? expire(intent, at) : undefined;
    }
    case 'authentication-ends': {
      const intent = ledger.intents.get(change.intentId)!;
      return intent.status === 'requires_action' ? authenticated(intent, change.outcome, at) : undefined;
    }
    case 'dispute-opens': {
      const intent = ledger.intents.get(change.intentId)!;
      const outcome = openDispute(intent, { amount: undefined, reason: 'fraudulent' }, at);
      return outcome.error ? undefined : outcome;
    }
    case 'refund-succeeds':
    case 'refund-fails': {
      const refund = ledger.refunds.get(change.refundId)!;
      const intent = ledger.intents.get(refund.paymentIntent)!;
      if (refund.status === 'failed') return undefined;
      return change.kind === 'refund-fails' ? refundFails(intent, refund) : refundSucceeds(intent, refund);
    }
    case 'dispute-closes': {
      const dispute = ledger.disputes.get(change.disputeId)!;
      const intent = ledger.intents.get(dispute.paymentIntent)!;
      return isClosed(dispute) ? undefined : moveDispute(intent, dispute, change.outcome);
    }
  }
}

const authenticationFailure: StripeErrorBody = {
  type: 'card_error',
  code: 'payment_intent_authentication_failure',
  message:
    'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
};

function authenticated(intent: IntentRecord, outcome: 'success' | 'failure', at: number): Outcome {
  if (outcome === 'success') return askBank(intent, at);
  return {
    movements: [{ kind: 'decline', amount: intent.amount }],
    intent: { ...intent, status: 'requires_payment_method', lastError: authenticationFailure },
    status: 200,
    events: ['payment_intent.payment_failed'],
  };
}
