import { type PaymentOperation, isAuthorization } from '../../payment/payment-operations.repository';
import type { CaptureMode } from '../../orders/order.entity';
import type { Order } from '../../orders/shown-orders.repository';
import type { Saga } from '../../orders/saga-state';
import type { TimelineRow } from '../../orders/checkout-saga/saga.repository';
import { type Attempt, isCompensation } from './saga-attempts';
import type { WaitsFor } from './saga.responses';
import { type MoneySentence, moneySentence } from './saga-money';
import { formatSentence } from './story-formatting';
import type { Outcome, Reason, Sentence, Stop, Trouble, Unclear, Undone } from './story-sentences';

/**
 * An order's history in at most three sentences: what went wrong, how it ended, and where the customer's money is. Each is
 * chosen here from states, codes and operations and written in `story-formatting.ts`. No sentence is derived from another
 * sentence, and none repeats the provider's text. Pure.
 */
export interface StoryFacts {
  status: 'pending' | 'placed' | 'rejected' | 'cancelled' | 'refunded';
  lines: readonly { sku: string; quantity: number }[];
  currency: string;
  capture: CaptureMode;
  /** What began at the provider. */
  facts: Order['facts'];
  createdAt: Date;
  endedAt: Date | null;
  /** How long its stock was reserved for. */
  ttlMs: number;
  saga: Pick<Saga, 'status' | 'step' | 'requestedEnd' | 'endsAs'>;
  waitsFor: WaitsFor;
  transitions: readonly TimelineRow[];
  attempts: readonly Attempt[];
  operations: readonly PaymentOperation[];
  /** No stock is reserved for it any more. */
  stockIsBack: boolean;
}

export const storyOf = (facts: StoryFacts): string[] => sentencesOf(facts).map(formatSentence);

export const sentencesOf = (facts: StoryFacts): (Sentence | MoneySentence)[] => {
  const trouble = silence(facts) ?? takeover(facts) ?? failure(facts);
  return [...(trouble ? [trouble] : []), outcome(facts), moneySentence(facts)];
};

/** Operations that had no clear result at first. A lost worker is not the provider's silence. */
function silence({ attempts, operations }: StoryFacts): Trouble | undefined {
  const unclear = attempts.filter(
    ({ outcome, operation, code }) => outcome === 'unknown' && operation !== null && code !== 'worker_lost',
  );
  const kinds = [...new Set(unclear.map(({ operation }) => operation!))];
  const unclears = kinds.map((kind) => unclearOf(kind));
  return unclears.length === 0 ? undefined : { kind: 'silence', unclear: unclears };

  function unclearOf(kind: PaymentOperation['kind']): Unclear {
    const first = unclear.find(({ operation }) => operation === kind)!;
    // A call that was held back never reached the provider.
    const own = attempts.filter(({ operation, outcome }) => operation === kind && outcome !== 'not-asked');
    const nth = own.indexOf(first) + 1;
    const newest = operations.findLast((operation) => operation.kind === kind);
    const later = own.slice(nth);
    const isSilent = ({ code }: Attempt) => code === 'no_answer' || code === 'worker_lost' || code === null;
    return {
      operation: kind,
      code: first.code ?? 'no_clear_answer',
      httpStatus: first.data?.httpStatus ?? null,
      nth,
      askedAgain: later.length,
      then:
        (newest && endOf(newest)) ??
        (later.at(-1)?.code === 'amount_differs'
          ? 'differs'
          : first.code === 'no_answer' && later.every(isSilent)
            ? 'no_answer'
            : 'no_clear_answer'),
    };
  }
}

/** Undefined: there is no result yet. */
function endOf({ kind, status, declineCode, failureReason }: PaymentOperation): Unclear['then'] | undefined {
  if (status === 'pending') return kind === 'refund' ? 'accepted' : 'undecided';
  if (status === 'failed') return failureReason === null ? 'nothing_done' : 'failed';
  if (status === 'approved') return declineCode === 'partial_authorization' ? 'less' : 'approved';
  return status === 'declined' ? status : undefined;
}

/** A lost worker, and the one that took over. */
function takeover({ attempts }: StoryFacts): Trouble | undefined {
  const at = attempts.findIndex(({ code }) => code === 'worker_lost');
  if (at === -1) return undefined;
  const { worker, operation, fencingToken } = attempts[at]!;
  const next = attempts.slice(at + 1).find((attempt) => attempt.fencingToken > fencingToken);
  return { kind: 'worker_lost', worker, operation, by: next?.worker ?? null };
}

function failure({ attempts }: StoryFacts): Trouble | undefined {
  const failed = attempts.filter(({ outcome }) => outcome === 'error');
  return failed.length === 0 ? undefined : { kind: 'failure', step: failed[0]!.step, times: failed.length };
}

function outcome(facts: StoryFacts): Outcome {
  const { status, saga, transitions, attempts, createdAt, endedAt, lines } = facts;
  if (saga.status === 'stuck') return stuck(facts);
  if (saga.endsAs !== null) return compensating(facts);
  if (status !== 'placed') return underWay(facts);
  if (transitions.some(({ cause }) => cause === 'reacquired')) return { kind: 'placed_late' };
  const tookMs = endedAt && endedAt.getTime() - createdAt.getTime();
  const isSmooth = attempts.every(({ outcome }) => outcome === 'done');
  return { kind: 'placed', isSmooth, lines, tookMs };
}

/** A blocked saga waits for an operator; one whose attempts are spent keeps asking. */
function stuck(facts: StoryFacts): Outcome {
  const { saga, waitsFor, attempts, transitions } = facts;
  const because = saga.endsAs === null ? null : reasonOf(facts);
  if (waitsFor === 'operator') {
    const { code = null, data } = transitions.findLast(({ cause }) => cause === 'blocked') ?? {};
    return { kind: 'stopped', because, step: saga.step, stop: stopOf(code, data ?? null) };
  }
  if (waitsFor === 'worker') return { ...beingAsked(facts), because };
  const { code, data } = transitions.findLast(({ toStatus }) => toStatus === 'stuck') ?? {};
  if (code === 'request_refused')
    return { kind: 'refused', because, step: saga.step, stop: stopOf(code, data ?? null) };
  const tries = attempts.filter(
    ({ step, operation, outcome }) => step === saga.step && operation !== null && outcome !== 'not-asked',
  );
  return { kind: 'stuck', because, step: saga.step, tries: tries.length };
}

/** Why it waits for an operator; lines of older builds do not say. */
export function stopOf(code: TimelineRow['code'], data: TimelineRow['data']): Stop {
  switch (code) {
    case 'amount_differs':
      return { code, operation: data!.operation!, asked: data!.asked!, said: data!.said! };
    case 'workers_lost':
      return { code, workers: data!.workers! };
    case 'request_refused':
      return { code, data: data! };
    case 'refund_failed':
      return { code, failureReason: data!.failureReason! };
    case 'void_declined':
    case 'refund_declined':
    case 'authorization_missing':
    case 'unheard_too_long':
      return { code };
    default:
      return { code: null };
  }
}

function underWay(facts: StoryFacts): Outcome {
  const { saga, waitsFor, attempts, transitions } = facts;
  const cancelRequested = saga.requestedEnd === 'cancel';
  if (waitsFor === 'worker') return { ...beingAsked(facts), cancelRequested };
  const { cause, code, data } = transitions.at(-1)!;
  if (cause === 'waits-for-buyer')
    return code === 'another_card_awaited'
      ? { kind: 'card_awaited', declineCode: data!.declineCode!, attemptsLeft: data!.attemptsLeft! }
      : { kind: 'buyer_acts' };
  const last = attempts.at(-1);
  if (last && last.outcome !== 'done') return { kind: 'waits', step: saga.step, cancelRequested };
  return { kind: 'on_its_way', step: saga.step, cancelRequested };
}

function beingAsked({ saga, attempts }: StoryFacts): Extract<Outcome, { kind: 'driven' }> {
  const last = attempts.at(-1);
  const operation = last?.outcome === 'running' ? last.operation : null;
  return { kind: 'driven', step: saga.step, operation, because: null, cancelRequested: false };
}

function compensating(facts: StoryFacts): Outcome {
  const { status, saga, lines, operations } = facts;
  const reason = reasonOf(facts);
  const undone = undoings(facts);
  if (saga.status === 'compensated') return { kind: 'undone', reason, undone, lines };
  const hasEnded = status !== 'pending' && status !== 'placed';
  const unheard = operations.find(
    ({ kind, status }) =>
      status === 'unknown' || status === 'sent' || (status === 'pending' && kind !== 'refund'),
  );
  if (hasEnded) return { kind: 'ended_early', reason, undone, lines, asksFor: unheard?.kind ?? null };
  return { kind: 'undoing', reason, undone, lines };
}

/** Why the saga compensates: from the line that began it, and whether an operator ended the order before it was done. */
function reasonOf({ saga, transitions, operations, ttlMs }: StoryFacts): Reason {
  const since = transitions.slice(transitions.findLastIndex(({ cause }) => cause === 'reacquired') + 1);
  const begin = since.find(({ toStatus }) => isCompensation(toStatus));
  const isClosedByOperator = begin?.cause !== 'given-up' && since.some(({ cause }) => cause === 'given-up');
  return { ...whyOf(), isClosedByOperator };

  function whyOf(): Omit<Reason, 'isClosedByOperator'> {
    const isGivenBack = operations.some(
      ({ kind, status }) => (kind === 'refund' || kind === 'void') && status === 'approved',
    );
    if (saga.status !== 'compensated' && since.some(({ cause }) => cause === 'refund-retried'))
      return { why: 'refund_retried' };
    if (begin?.cause === 'given-up') return { why: 'given_up' };
    if (begin?.cause === 'compensated-by-hand') return { why: 'called_off' };
    if (saga.endsAs === 'placed_then_refunded' || saga.endsAs === 'placed_then_cancelled')
      return { why: saga.endsAs, isDone: saga.status === 'compensated' && isGivenBack };
    if (saga.endsAs === 'reservation_expired') return { why: 'reservation_expired', ttlMs };
    if (saga.endsAs === 'payment_declined') {
      if (begin?.code === 'authentication_required' || begin?.code === 'action_expired')
        return { why: begin.code };
      if (begin?.code === 'partial_authorization')
        return { why: begin.code, asked: begin.data?.asked, said: begin.data?.said };
      const isDeclined = (kind: PaymentOperation['kind']) =>
        operations.some((operation) => operation.kind === kind && operation.status === 'declined');
      const operation = isDeclined('capture') ? 'capture' : isDeclined('charge') ? 'charge' : 'authorize';
      return { why: 'declined', operation };
    }
    return { why: begin?.code === 'reservation_released' ? 'reservation_released' : 'cancelled' };
  }
}

function undoings({ operations, stockIsBack }: StoryFacts): Undone[] {
  const isDone = (kind: PaymentOperation['kind']) =>
    operations.some((operation) => operation.kind === kind && operation.status === 'approved');
  // A declined payment is canceled too, but there was nothing to void.
  const wasDeclined = operations.some(
    (one) =>
      isAuthorization(one) &&
      one.status === 'declined' &&
      one.declineCode !== null &&
      !forBuyer.includes(one.declineCode),
  );
  return [
    ...(isDone('refund') ? ([isDone('charge') ? 'charge_refunded' : 'refunded'] as const) : []),
    ...(isDone('void') && !wasDeclined ? (['voided'] as const) : []),
    ...(stockIsBack ? (['stock'] as const) : []),
  ];
}

/** Payments that ended because their buyer did not act in time, or could not. */
const forBuyer: readonly string[] = ['authentication_required', 'action_expired'];
