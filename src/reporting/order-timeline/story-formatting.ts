import type { Money } from '../../http/responses';
import type { OperationKind } from '../../payment/payment-operations.repository';
import type { TransitionCode, TransitionData } from '../../orders/checkout-saga/transition-codes';
import type { MoneySentence } from './saga-money';
import type { Lines, Reason, Sentence, Stop, Unclear, UnclearEnd, Undone } from './story-sentences';
import {
  capitalized,
  formatDuration,
  listed,
  formatMoney,
  operationNames,
  ordinal,
  formatTimes,
  formatUnits,
} from './formatting';

/** The text of a story's sentences. */
export function formatSentence(sentence: Sentence | MoneySentence): string {
  switch (sentence.kind) {
    case 'silence':
      return formatSilence(sentence);
    case 'worker_lost':
      return formatLost(sentence);
    case 'failure':
      return `Holdfast itself failed ${formatTimes(sentence.times)} at ${sentence.step}.`;
    case 'placed':
      return formatPlaced(sentence);
    case 'placed_late':
      return 'An operator had ended the order; its charge arrived late, so it was placed after all.';
    case 'on_its_way':
      return `It is on its way, at ${sentence.step}.${formatCancelRequest(sentence)}`;
    case 'waits':
      return `It waits at ${sentence.step} and is tried again by itself.${formatCancelRequest(sentence)}`;
    case 'buyer_acts':
      return 'The buyer must authenticate the payment; the stock stays reserved until then.';
    case 'card_awaited':
      return `The card was declined: ${formatCode(sentence.declineCode)}. The stock is held for another card, and the buyer may try ${sentence.attemptsLeft} more.`;
    case 'driven':
      return `${formatBecause(sentence)}${formatDriven(sentence)}${formatCancelRequest(sentence)}`;
    case 'stuck':
      return `${formatBecause(sentence)}It is stuck at ${sentence.step}${formatTries(sentence.tries)}; Holdfast keeps asking.`;
    case 'refused':
      return `${formatBecause(sentence)}${formatStop(sentence.stop)}; it is stuck at ${sentence.step} and Holdfast asks again by itself.`;
    case 'stopped':
      return `${formatBecause(sentence)}${formatStopped(sentence)}`;
    case 'undone':
    case 'undoing':
    case 'ended_early':
      return formatBack(sentence);
    default:
      return formatMoneySentence(sentence);
  }
}

type Of<Kind extends Sentence['kind']> = Extract<Sentence, { kind: Kind }>;

/** Whether the first call went through or a repeat is unknown. */
function formatSilence({ unclear }: Of<'silence'>): string {
  if (unclear.length > 1) return formatSeveral(unclear);
  const { operation, code, httpStatus, nth, askedAgain, then } = unclear[0]!;
  const name = operationNames[operation];
  const which = nth === 1 && askedAgain === 0 ? name : `${ordinal(nth)} ${name}`;
  const first = formatUnclear(code, which, httpStatus);
  if (askedAgain === 0) return `${first}.`;
  return `${first}; Holdfast asked ${formatTimes(askedAgain)} more, and ${unclearEnds[then]('it', '')}.`;
}

function formatSeveral(unclear: readonly Unclear[]): string {
  const [{ code, httpStatus }] = unclear as [Unclear];
  const isSame = unclear.every((one) => one.code === code && one.httpStatus === httpStatus);
  const which = listed(
    unclear.map(({ operation }, nth) => `${nth === 0 ? '' : 'the '}${operationNames[operation]}`),
  );
  const first = formatUnclear(isSame ? code : 'no_clear_answer', which, httpStatus);
  const askedAgain = unclear.reduce((sum, one) => sum + one.askedAgain, 0);
  if (askedAgain === 0) return `${first}.`;
  const each = listed(
    unclear.map(({ operation, then }) => {
      const name = `the ${operationNames[operation]}`;
      return unclearEnds[then](name, ` to ${name}`);
    }),
  );
  const all = unclear.length === 2 ? 'both went through' : 'all went through';
  const end = unclear.every(({ then }) => then === 'approved') ? all : each;
  return `${first}; Holdfast asked ${formatTimes(askedAgain)} more, and ${end}.`;
}

const unclearEnds: Record<UnclearEnd, (it: string, toIt: string) => string> = {
  approved: (it) => `${it} went through`,
  declined: (it) => `${it} was declined`,
  differs: (it) => `${it} was of another amount`,
  less: (it) => `${it} was for less than the total`,
  accepted: (it) => `${it} was accepted`,
  failed: (it) => `${it} failed`,
  undecided: (it) => `${it} is not decided yet`,
  nothing_done: (_, toIt) => `nothing was done${toIt && ` of ${toIt.slice(4)}`}: a new request follows`,
  no_answer: (_, toIt) => `there is still no answer${toIt}`,
  no_clear_answer: (_, toIt) => `there is still no clear answer${toIt}`,
};

function formatUnclear(code: TransitionCode, which: string, httpStatus: number | null): string {
  switch (code) {
    case 'no_answer':
      return `The provider did not answer the ${which}`;
    case 'provider_error':
      return `The provider answered the ${which} with an error${httpStatus ? ` (${httpStatus})` : ''}`;
    case 'provider_busy':
      return `The provider asked Holdfast to wait with the ${which}`;
    case 'saved_error':
      return `The provider repeats an error${httpStatus ? ` (${httpStatus})` : ''} for the ${which}`;
    case 'key_conflict':
      return `The provider knows the key of the ${which} with other parameters`;
    case 'not_found':
      return `A search at the provider did not find the ${which}`;
    case 'still_processing':
      return `The provider had not decided about the ${which}`;
    case 'key_in_use':
      return `The provider was still working on the ${which}`;
    case 'access_refused':
      return `The provider refused our access for the ${which}`;
    default:
      return `The provider gave no clear answer to the ${which}`;
  }
}

/** Only the expired lease is known: the worker may have died or been slow. */
function formatLost({ worker, operation, by }: Of<'worker_lost'>): string {
  const during = operation ? ` while it asked for the ${operationNames[operation]}` : '';
  return `${worker} lost its lease${during}${by ? `; ${by} took over` : ''}.`;
}

function formatPlaced({ isSmooth, lines, tookMs }: Of<'placed'>): string {
  const took = tookMs === null ? '' : ` in ${formatDuration(tookMs)}`;
  if (!isSmooth) return `The order was placed${took}.`;
  return `${capitalized(formatUnits(lines))} went through at the first attempt${took}.`;
}

const formatDriven = ({ operation, step }: Of<'driven'>): string =>
  operation ? `The ${operationNames[operation]} is being asked for now.` : `A worker is at ${step} now.`;

const formatCancelRequest = ({ cancelRequested }: { cancelRequested: boolean }): string =>
  cancelRequested ? ' A cancellation was asked for and follows when the payment is settled.' : '';

const formatBecause = ({ because }: { because: Reason | null }): string =>
  because ? `${formatReason(because)}. ` : '';

const formatTries = (tries: number): string =>
  tries === 0 ? '' : ` after ${tries === 1 ? 'one attempt' : `${tries} attempts`}`;

const mustAct = (step: string): string => `it stopped at ${step} and an operator must act.`;

function formatStopped({ stop, step }: Of<'stopped'>): string {
  const why = formatStop(stop);
  return why ? `${why}; ${mustAct(step)}` : capitalized(mustAct(step));
}

const verbs: Record<OperationKind, string> = {
  authorize: 'authorized',
  charge: 'charged',
  capture: 'captured',
  void: 'voided',
  refund: 'refunded',
};

export function formatStop(stop: Stop): string | null {
  switch (stop.code) {
    case 'amount_differs':
      return `The provider ${verbs[stop.operation]} ${formatMoney(stop.said)} and we asked for ${formatMoney(stop.asked)}`;
    case 'request_refused': {
      const { operation } = stop.data;
      const what = operation ? ` for the ${operationNames[operation]}` : '';
      return `The provider refused our request${what} (${formatRefusal(stop.data)})`;
    }
    case 'refund_failed':
      return `The refund failed (${formatCode(stop.failureReason)})`;
    case 'workers_lost':
      return `${stop.workers} workers took it up and did not come back`;
    case 'void_declined':
      return 'The provider refused the void';
    case 'refund_declined':
      return 'The provider refused the refund';
    case 'authorization_missing':
      return 'There is no approved authorization to capture';
    case 'unheard_too_long':
      return 'The authorization was unanswered for so long that the provider may have forgotten its key';
    case null:
      return null;
  }
}

/** The provider's code, and the request's id in its log, by which its support finds it. */
export const formatRefusal = ({ providerCode, requestId, httpStatus }: TransitionData): string =>
  listed([
    ...(providerCode ? [providerCode] : httpStatus ? [`HTTP ${httpStatus}`] : ['without a code']),
    ...(requestId ? [`request ${requestId}`] : []),
  ]).replace(' and ', ', ');

/** `expired_or_canceled_card` as words. */
export const formatCode = (code: string): string => code.replaceAll('_', ' ');

/** What is undone came before these, not from them. */
const laterReasons: readonly Reason['why'][] = ['refund_retried'];

function formatBack(back: Of<'undone' | 'undoing' | 'ended_early'>): string {
  const why = formatReason(back.reason);
  const undone = listed(back.undone.map((one) => undoneTexts[one](back.lines)));
  if (back.kind === 'undoing')
    return undone ? `${why}; so far ${undone}.` : `${why}, and everything is being undone.`;
  const link = laterReasons.includes(back.reason.why) ? 'after' : 'so';
  const ended = undone ? `${why}, ${link} ${undone}` : why;
  if (back.kind === 'undone') return `${ended}.`;
  const asks = back.asksFor
    ? `Holdfast still asks the provider about the ${operationNames[back.asksFor]}`
    : 'Holdfast is still settling it';
  return `${ended}; ${asks}.`;
}

const undoneTexts: Record<Undone, (lines: Lines) => string> = {
  refunded: () => 'the capture was refunded',
  charge_refunded: () => 'the charge was refunded',
  voided: () => 'the authorization was voided',
  stock: (lines) => `${formatUnits(lines)} went back on sale`,
};

function formatReason(reason: Reason): string {
  return `${formatWhy(reason)}${reason.isClosedByOperator ? ' and an operator then ended the order' : ''}`;
}

function formatWhy({ why, operation, ttlMs, isDone, asked, said }: Reason): string {
  switch (why) {
    case 'declined':
      return `The ${operationNames[operation!]} was declined`;
    case 'authentication_required':
      return 'The payment needed an authentication by the buyer';
    case 'action_expired':
      return 'The buyer did not authenticate the payment in time';
    case 'partial_authorization':
      return said
        ? `The bank authorized ${formatMoney(said)} of ${formatMoney(asked!)}`
        : 'The bank authorized less than the total';
    case 'refund_retried':
      return 'A failed refund is made again';
    case 'reservation_expired':
      return `The reservation ran out after ${formatDuration(ttlMs!)}, before the charge began`;
    case 'reservation_released':
      return 'The reservation was released before the charge began';
    case 'cancelled':
      return 'The order was cancelled';
    case 'called_off':
      return 'An operator called the order off';
    case 'given_up':
      return 'An operator ended the order';
    case 'placed_then_cancelled':
      return isDone
        ? 'The order was placed and then cancelled'
        : 'A cancellation was asked for after the charge had begun';
    case 'placed_then_refunded':
      return isDone
        ? 'The order was placed and then refunded'
        : 'A refund was asked for after the order was placed';
  }
}

const formatPaid = ({ paid, back }: { paid: Money; back: Money | null }): string =>
  `The customer paid ${formatMoney(paid)}${back ? ` and got ${formatMoney(back)} back` : ''}`;

function formatMoneySentence(sentence: MoneySentence): string {
  switch (sentence.kind) {
    case 'paid':
      return `The customer paid ${formatMoney(sentence.paid)}.`;
    case 'paid_back':
      return `The customer paid ${formatMoney(sentence.paid)} and got ${formatMoney(sentence.back)} back.`;
    case 'refund_unheard':
      return `${formatPaid(sentence)}; ${sentence.said ? `the provider says that it refunded ${formatMoney(sentence.said)}` : `whether the refund of ${formatMoney(sentence.refund)} went through is not known yet`}.`;
    case 'refund_accepted':
      return `${formatPaid(sentence)}; the provider has accepted the refund of ${formatMoney(sentence.refund)} and has not finished it.`;
    case 'refund_failed':
      return `${formatPaid(sentence)}; the refund of ${formatMoney(sentence.refund)} did not reach the customer: ${formatCode(sentence.failureReason)}.`;
    case 'not_refunded':
      return `The customer paid ${formatMoney(sentence.paid)} and has not been refunded.`;
    case 'capture_unheard':
      return sentence.said
        ? `The provider says that the customer paid ${formatMoney(sentence.said)}.`
        : 'Whether the customer paid is not known yet.';
    case 'void_unheard':
      return `The customer paid nothing; whether the hold of ${formatMoney(sentence.held)} was lifted is not known yet.`;
    case 'held':
      return `The customer has paid nothing${sentence.isEnding ? '' : ' yet'}; ${formatMoney(sentence.held)} is ${sentence.isEnding ? 'still ' : ''}held.`;
    case 'hold_unheard':
      return `The customer has paid nothing; ${sentence.said ? `the provider holds ${formatMoney(sentence.said)}` : 'whether money is held is not known yet'}.`;
    case 'nothing':
      return sentence.isEnding ? 'The customer paid nothing.' : 'The customer has paid nothing yet.';
  }
}
