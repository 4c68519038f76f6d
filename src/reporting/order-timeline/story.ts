import type { PaymentOperation } from '../../payment/payment-operations';
import type { Saga } from '../../orders/saga-state';
import type { TimelineRow } from '../../orders/checkout-saga/saga.repository';
import type { Attempt } from './saga-attempts';
import type { WaitsFor } from './saga.responses';
import { type MoneySentence, moneySentence } from './story-money';
import {
  type Outcome,
  type Reason,
  type Sentence,
  type Stop,
  type Trouble,
  type Unclear,
  type Undone,
  wordsOf,
} from './story-words';

/**
 * An order's history in at most three sentences: what went wrong on the way, how it turned out, and where the customer's
 * money is. Decided here as a kind with facts, from states, codes and operations; put into words in `story-words.ts`. No
 * sentence is made by reading another, and the provider's own words are never repeated. Pure.
 */
export interface Told {
  status: 'pending' | 'placed' | 'rejected' | 'cancelled' | 'refunded';
  lines: readonly { sku: string; quantity: number }[];
  currency: string;
  createdAt: Date;
  endedAt: Date | null;
  /** How long its stock was promised for. */
  ttlMs: number;
  saga: Pick<Saga, 'status' | 'step' | 'requestedEnd' | 'endsAs'>;
  waitsFor: WaitsFor;
  transitions: readonly TimelineRow[];
  attempts: readonly Attempt[];
  operations: readonly PaymentOperation[];
  /** Nothing of it is held any more. */
  stockIsBack: boolean;
}

export const storyOf = (told: Told): string[] => sentencesOf(told).map(wordsOf);

export const sentencesOf = (told: Told): (Sentence | MoneySentence)[] => {
  const trouble = silence(told) ?? takeover(told) ?? failure(told);
  return [...(trouble ? [trouble] : []), outcome(told), moneySentence(told)];
};

/** The operations that the provider left without a clear answer at first. A worker that was lost is no silence of the provider. */
function silence({ attempts, operations }: Told): Trouble | undefined {
  const unclear = attempts.filter(
    ({ outcome, operation, code }) => outcome === 'unknown' && operation !== null && code !== 'worker_lost',
  );
  const kinds = [...new Set(unclear.map(({ operation }) => operation!))];
  const unclears = kinds.map((kind) => unclearOf(kind));
  return unclears.length === 0 ? undefined : { kind: 'silence', unclear: unclears };

  function unclearOf(kind: PaymentOperation['kind']): Unclear {
    const first = unclear.find(({ operation }) => operation === kind)!;
    // What was held back here never reached the provider.
    const own = attempts.filter(({ operation, outcome }) => operation === kind && outcome !== 'not-asked');
    const nth = own.indexOf(first) + 1;
    const { status } = operations.filter((operation) => operation.kind === kind).at(-1) ?? {};
    const later = own.slice(nth);
    const isSilent = ({ code }: Attempt) => code === 'no_answer' || code === 'worker_lost' || code === null;
    return {
      operation: kind,
      code: first.code ?? 'no_clear_answer',
      httpStatus: first.data?.httpStatus ?? null,
      nth,
      askedAgain: later.length,
      then:
        status === 'approved' || status === 'declined'
          ? status
          : later.at(-1)?.code === 'amount_differs'
            ? 'differs'
            : first.code === 'no_answer' && later.every(isSilent)
              ? 'no_answer'
              : 'no_clear_answer',
    };
  }
}

/** A worker that did not come back, and who took over. */
function takeover({ attempts }: Told): Trouble | undefined {
  const at = attempts.findIndex(({ code }) => code === 'worker_lost');
  if (at === -1) return undefined;
  const { worker, operation, fencingToken } = attempts[at]!;
  const next = attempts.slice(at + 1).find((attempt) => attempt.fencingToken > fencingToken);
  return { kind: 'worker_lost', worker, operation, by: next?.worker ?? null };
}

function failure({ attempts }: Told): Trouble | undefined {
  const failed = attempts.filter(({ outcome }) => outcome === 'error');
  return failed.length === 0 ? undefined : { kind: 'failure', step: failed[0]!.step, times: failed.length };
}

function outcome(told: Told): Outcome {
  const { status, saga, transitions, attempts, createdAt, endedAt, lines } = told;
  if (saga.status === 'stuck') return stuck(told);
  if (saga.endsAs !== null) return goingBack(told);
  if (status !== 'placed') return underWay(told);
  if (transitions.some(({ cause }) => cause === 'reacquired')) return { kind: 'placed_late' };
  const tookMs = endedAt && endedAt.getTime() - createdAt.getTime();
  const isSmooth = attempts.every(({ outcome }) => outcome === 'done');
  return { kind: 'placed', isSmooth, lines, tookMs };
}

/** Blocked, it waits for an operator; with its attempts spent, it goes on by itself all the same. */
function stuck(told: Told): Outcome {
  const { saga, waitsFor, attempts, transitions } = told;
  const because = saga.endsAs === null ? null : reasonOf(told);
  if (waitsFor === 'operator') {
    const { code = null, data } = transitions.findLast(({ cause }) => cause === 'blocked') ?? {};
    return { kind: 'stopped', because, step: saga.step, stop: stopOf(code, data ?? null) };
  }
  if (waitsFor === 'worker') return { ...beingAsked(told), because };
  const tries = attempts.filter(
    ({ step, operation, outcome }) => step === saga.step && operation !== null && outcome !== 'not-asked',
  );
  return { kind: 'stuck', because, step: saga.step, tries: tries.length };
}

/** Why it waits for an operator; a line of an older build does not say. */
export function stopOf(code: TimelineRow['code'], data: TimelineRow['data']): Stop {
  switch (code) {
    case 'amount_differs':
      return { code, operation: data!.operation!, asked: data!.asked!, said: data!.said! };
    case 'workers_lost':
      return { code, workers: data!.workers! };
    case 'void_declined':
    case 'refund_declined':
    case 'authorization_missing':
    case 'unheard_too_long':
      return { code };
    default:
      return { code: null };
  }
}

function underWay(told: Told): Outcome {
  const { saga, waitsFor, attempts } = told;
  const wish = saga.requestedEnd === 'cancel';
  if (waitsFor === 'worker') return { ...beingAsked(told), wish };
  const last = attempts.at(-1);
  if (last && last.outcome !== 'done') return { kind: 'waits', step: saga.step, wish };
  return { kind: 'on_its_way', step: saga.step, wish };
}

function beingAsked({ saga, attempts }: Told): Extract<Outcome, { kind: 'driven' }> {
  const last = attempts.at(-1);
  const operation = last?.outcome === 'running' ? last.operation : null;
  return { kind: 'driven', step: saga.step, operation, because: null, wish: false };
}

function goingBack(told: Told): Outcome {
  const { status, saga, lines, operations } = told;
  const reason = reasonOf(told);
  const undone = undoings(told);
  if (saga.status === 'compensated') return { kind: 'undone', reason, undone, lines };
  const hasEnded = status !== 'pending' && status !== 'placed';
  const unheard = operations.find(
    (operation) => operation.status === 'unknown' || operation.status === 'sent',
  );
  if (hasEnded) return { kind: 'ended_early', reason, undone, lines, asksFor: unheard?.kind ?? null };
  return { kind: 'undoing', reason, undone, lines };
}

/** Why it turned back: from the line of its history that turned it, and who closed it before everything was undone. */
function reasonOf({ saga, transitions, operations, ttlMs }: Told): Reason {
  const since = transitions.slice(transitions.findLastIndex(({ cause }) => cause === 'reacquired') + 1);
  const turn = since.find(({ toStatus }) => toStatus.startsWith('compensat'));
  const isClosedByOperator = turn?.cause !== 'given-up' && since.some(({ cause }) => cause === 'given-up');
  return { ...whyOf(), isClosedByOperator };

  function whyOf(): Omit<Reason, 'isClosedByOperator'> {
    const isRefunded = operations.some(({ kind, status }) => kind === 'refund' && status === 'approved');
    if (turn?.cause === 'given-up') return { why: 'given_up' };
    if (turn?.cause === 'compensated-by-hand') return { why: 'called_off' };
    if (saga.endsAs === 'placed_then_refunded' || saga.endsAs === 'placed_then_cancelled')
      return { why: saga.endsAs, isDone: saga.status === 'compensated' && isRefunded };
    if (saga.endsAs === 'reservation_expired') return { why: 'reservation_expired', ttlMs };
    if (saga.endsAs === 'payment_declined') {
      const isCapture = operations.some(({ kind, status }) => kind === 'capture' && status === 'declined');
      return { why: 'declined', operation: isCapture ? 'capture' : 'authorize' };
    }
    return { why: turn?.code === 'reservation_released' ? 'reservation_released' : 'cancelled' };
  }
}

function undoings({ operations, stockIsBack }: Told): Undone[] {
  const isDone = (kind: PaymentOperation['kind']) =>
    operations.some((operation) => operation.kind === kind && operation.status === 'approved');
  return [
    ...(isDone('refund') ? (['refunded'] as const) : []),
    ...(isDone('void') ? (['voided'] as const) : []),
    ...(stockIsBack ? (['stock'] as const) : []),
  ];
}
