import type { OperationKind, PaymentOperation } from '../payment/payment-operations';
import type { Saga } from './checkout-saga/saga';
import type { TimelineRow } from './checkout-saga/saga.repository';
import type { Attempt } from './saga-attempts';
import type { SagaMoney } from './saga-money';
import {
  capitalized,
  durationWords,
  listed,
  moneyWords,
  operationWords,
  ordinal,
  timesWords,
  unitWords,
} from './words';

/**
 * An order's history in at most three sentences: what went wrong on the way, how it turned out, and what the customer
 * paid. Made of fixed words and the facts of the timeline; the provider's own words are never repeated. Pure.
 */
export interface Told {
  status: 'pending' | 'placed' | 'rejected' | 'cancelled' | 'refunded';
  rejectionReason: string | null;
  lines: readonly { sku: string; quantity: number }[];
  createdAt: Date;
  endedAt: Date | null;
  /** How long its stock was promised for. */
  ttlMs: number;
  saga: Pick<Saga, 'status' | 'step' | 'attempt' | 'endsAs'>;
  transitions: readonly TimelineRow[];
  attempts: readonly Attempt[];
  operations: readonly PaymentOperation[];
  money: SagaMoney;
  /** Nothing of it is held any more. */
  stockIsBack: boolean;
}

export const storyOf = (told: Told): string[] =>
  [silence(told) ?? takeover(told), turnOut(told), paid(told)].filter(
    (sentence): sentence is string => sentence !== undefined,
  );

/** *No answer* and *same key*, of the first operation that was not heard. */
function silence(told: Told): string | undefined {
  const { attempts, operations } = told;
  const lost = attempts.find(({ outcome, operation }) => outcome === 'unknown' && operation !== null);
  if (!lost) return undefined;
  const name = operationWords[lost.operation!];
  // What was held back here never reached the provider.
  const own = attempts.filter(
    ({ operation, outcome }) => operation === lost.operation && outcome !== 'not-asked',
  );
  const nth = own.indexOf(lost) + 1;
  const asked = own.length - nth;
  const which = nth === 1 && asked === 0 ? name : `${ordinal(nth)} ${name}`;
  const first = `The provider did not answer the ${which}`;
  if (asked === 0) return `${first}.`;
  const { status } = operations.filter(({ kind }) => kind === lost.operation).at(-1) ?? {};
  const then =
    status === 'approved'
      ? 'it had gone through'
      : status === 'declined'
        ? 'it was declined'
        : 'there is still no answer';
  return `${first}; Holdfast asked ${timesWords(asked)} more with the same key, and ${then}.`;
}

/** A worker that did not come back, where nothing else went wrong. */
function takeover({ attempts }: Told): string | undefined {
  const at = attempts.findIndex(
    ({ worker, fencingToken }, nth) =>
      nth > 1 && worker !== attempts[nth - 1]!.worker && fencingToken !== attempts[nth - 1]!.fencingToken,
  );
  if (at === -1 || attempts[at - 1]!.outcome !== 'unknown') return undefined;
  return `${attempts[at - 1]!.worker} stopped; ${attempts[at]!.worker} went on.`;
}

function turnOut(told: Told): string {
  const { status, saga, transitions, createdAt, endedAt, lines, attempts } = told;
  const again = transitions.some(({ cause }) => cause === 'reacquired');
  if (saga.status === 'stuck') return stuck(told);
  if (saga.status === 'running' && status === 'pending') return underWay(told);
  if (status === 'placed' && saga.endsAs === null) {
    const took = endedAt ? ` in ${durationWords(endedAt.getTime() - createdAt.getTime())}` : '';
    if (again) return `The order had been given up; its charge turned up, so it was placed after all.`;
    const smooth = attempts.every(({ outcome }) => outcome === 'done');
    return smooth
      ? `${capitalized(unitWords(lines))} went through at the first attempt${took}.`
      : `The order was placed${took}.`;
  }
  return goingBack(told);
}

function stuck({ saga, attempts }: Told): string {
  const tries = attempts.filter(
    ({ step, operation, outcome }) => step === saga.step && operation !== null && outcome !== 'not-asked',
  ).length;
  const after = tries > 0 ? ` after ${tries === 1 ? 'one attempt' : `${tries} attempts`}` : '';
  return `It stopped at ${saga.step}${after} and waits for a person.`;
}

function underWay({ saga, attempts }: Told): string {
  const last = attempts.at(-1);
  if (last?.outcome === 'running') return `The ${operationWords[last.operation!]} is being asked for now.`;
  return last && last.outcome !== 'done'
    ? `It waits at ${saga.step} to ask again by itself.`
    : `It is on its way, at ${saga.step}.`;
}

/** *Declined*, *expired*, or who turned it back; and what was undone. */
function goingBack(told: Told): string {
  const { saga, lines, ttlMs, rejectionReason } = told;
  const undone = undoings(told);
  if (rejectionReason === 'reservation_expired' || saga.endsAs === 'reservation_expired')
    return `Nobody paid within ${durationWords(ttlMs)}, so ${unitWords(lines)} went back on sale.`;
  const why = reasonOf(told);
  if (saga.status !== 'compensated')
    return undone.length > 0
      ? `${why}; ${listed(undone)} by now.`
      : `${why}, and everything is being undone.`;
  return undone.length > 0 ? `${why}, so ${listed(undone)}.` : `${why}.`;
}

function reasonOf({ saga, attempts, transitions }: Told): string {
  const declined = attempts.find(({ outcome, operation }) => outcome === 'declined' && operation !== null);
  if (saga.endsAs === 'payment_declined' && declined)
    return `The ${operationWords[declined.operation!]} was declined`;
  if (transitions.some(({ cause }) => cause === 'given-up')) return 'An operator ended the order';
  if (transitions.some(({ cause }) => cause === 'compensated-by-hand'))
    return 'An operator called the order off';
  if (saga.endsAs === 'placed_then_refunded') return 'The order was placed and then given back';
  if (saga.endsAs === 'placed_then_cancelled') return 'The order was cancelled after its charge';
  return declined ? `The ${operationWords[declined.operation!]} was declined` : 'The order was cancelled';
}

function undoings({ operations, lines, stockIsBack }: Told): string[] {
  const approved = (kind: OperationKind) =>
    operations.some((operation) => operation.kind === kind && operation.status === 'approved');
  return [
    ...(approved('refund') ? ['the capture was refunded'] : []),
    ...(approved('void') ? ['the authorization was voided'] : []),
    ...(stockIsBack ? [`${unitWords(lines)} went back on sale`] : []),
  ];
}

function paid({ money, operations, saga }: Told): string {
  if (money.paid === null) return 'Whether the customer paid is not known yet.';
  if (money.paid.amount > 0) return `The customer paid ${moneyWords(money.paid)}.`;
  const waits = saga.status === 'running' && operations.every(({ kind }) => kind === 'authorize');
  return waits ? 'The customer has paid nothing yet.' : 'The customer paid nothing.';
}
