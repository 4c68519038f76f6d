import type { Saga } from '../../../api/openapi';
import { formatDuration, formatFineDuration, formatSeconds } from '../../../formatting/durations';
import { plural } from '../../../formatting/numbers';
import type { BadgeStyle } from '../../../formatting/statuses';
import { formatStep } from '../../../formatting/steps';
import { type Fold, isFold, type Piece } from './folding';
import type { Bar, Lane, LeaseSpan, Outcome } from './history';

/** The labels of bars and lanes. Every bar shows its duration or outcome. */
export interface LaneLabel {
  name: string;
  note: string;
}

const compensations: Record<string, string> = {
  'authorize-payment': 'Void authorization',
  'capture-payment': 'Refund payment',
  'charge-payment': 'Refund payment',
  'reserve-stock': 'Release stock',
};

export function formatLane(lane: Lane, open: boolean): LaneLabel {
  const name = lane.back
    ? (compensations[lane.step] ?? `Undo ${formatStep(lane.step)}`)
    : formatStep(lane.step);
  if (lane.stoppedAfter !== null)
    return { name, note: `stopped after ${plural(lane.stoppedAfter, 'attempt')}` };
  return { name, note: lane.back ? `undoes ${formatStep(lane.step)}` : forwardNote(lane, open) };
}

function forwardNote(lane: Lane, open: boolean): string {
  const [first] = lane.bars;
  if (!first) return open ? 'not yet' : 'not reached';
  if (lane.step === 'reserve-stock') return 'local, in the request';
  if (lane.step === 'place-order') return 'local';
  const asked = lane.bars.filter(({ attempt }) => attempt.operation !== null);
  const keys = new Set(asked.map(({ attempt }) => attempt.key));
  const tries =
    asked.length < 2 ? plural(asked.length, 'attempt') : `${asked.length} attempts, ${formatKeys(keys.size)}`;
  const isPivot = lane.step === 'capture-payment' || lane.step === 'charge-payment';
  return isPivot && asked.length < 2 ? 'point of no return' : tries;
}

const formatKeys = (keys: number) => (keys === 1 ? 'one key' : `${keys} keys`);

/** `units`: of the order, for bars in which stock moved. */
export function formatBar(bar: Bar, units: number): string {
  const { attempt, outcome } = bar;
  const isNumbered = attempt.operation !== null && outcome !== 'undone';
  return `${isNumbered ? `${attempt.attempt} ` : ''}${formatOutcome(bar, units)}`;
}

/** Without the attempt's number. */
export function formatOutcome({ attempt, outcome, startMs, endMs }: Bar, units: number): string {
  const took = formatFineDuration(endMs - startMs);
  const local = attempt.operation === null;
  switch (outcome) {
    case 'done':
      if (attempt.code === 'action_required') return `buyer must act, ${took}`;
      if (!local) return `${attempt.looksUp ? 'looked up, ' : ''}yes, ${took}`;
      return attempt.step === 'reserve-stock' ? plural(units, 'unit') : 'placed';
    case 'undone':
      if (attempt.code === 'refund_accepted') return 'accepted';
      return local ? plural(units, 'unit') : took;
    case 'declined':
      return local ? 'not started' : 'declined';
    case 'unknown':
      return formatUnknown(attempt, formatDuration(endMs - startMs));
    case 'not-asked':
      return 'held back';
    case 'error':
      return 'error';
    case 'stuck':
      return stops[attempt.code ?? ''] ?? 'an operator must act';
    case 'running':
      return `asking, ${formatDuration(Math.floor((endMs - startMs) / 1_000) * 1_000)}`;
  }
}

const stops: Record<string, string> = {
  amount_differs: 'different amount',
  request_refused: 'request refused',
  refund_failed: 'refund failed',
};

/** What happened instead of a clear result, by the code of the transition that ended the attempt. */
function formatUnknown({ code, data }: Bar['attempt'], took: string): string {
  switch (code) {
    case 'worker_lost':
      return 'lease lost';
    case 'provider_error':
      return data?.httpStatus ? `answered ${data.httpStatus}` : 'provider error';
    case 'provider_busy':
      return 'asked to wait';
    case 'key_in_use':
      return 'key in use';
    case 'still_processing':
      return 'not decided yet';
    case 'saved_error':
      return 'saved error';
    case 'key_conflict':
      return 'key conflict';
    case 'not_found':
      return 'not found yet';
    case 'access_refused':
      return 'access refused';
    case 'no_answer':
      return `no answer, ${took}`;
    default:
      return `no clear answer, ${took}`;
  }
}

/** What comes next when nothing runs: an attempt, or the end of the time that the buyer has. */
export function formatNext({ order, nextAttemptInSeconds }: Saga): string {
  const { actionExpiresInSeconds, retryInSeconds } = order.payment;
  const buyers = actionExpiresInSeconds ?? retryInSeconds;
  if (buyers !== null) return `${formatSeconds(buyers)} for the buyer`;
  return `next attempt in ${formatSeconds(nextAttemptInSeconds!)}`;
}

const foldLabels: Record<Outcome, string> = {
  done: 'done',
  unknown: 'no clear answer',
  declined: 'declined',
  error: 'failed',
  'not-asked': 'held back',
  undone: 'undone',
  stuck: 'an operator must act',
  running: 'asking',
};

export const formatFold = ({ bars, outcome, startMs, endMs }: Fold): string =>
  `attempts ${bars[0]!.attempt.attempt} to ${bars.at(-1)!.attempt.attempt}, ${foldLabels[outcome]}, over ${formatFineDuration(endMs - startMs)}`;

export const formatPiece = (piece: Piece, units: number): string =>
  isFold(piece) ? formatFold(piece) : formatBar(piece, units);

export function formatLease({ worker, tokenFirst, tokenLast, tookOver }: LeaseSpan): string {
  if (tokenLast === 0) return worker;
  const token = tokenFirst === tokenLast ? `token ${tokenFirst}` : `tokens ${tokenFirst} to ${tokenLast}`;
  return `${worker}${tookOver ? ' took over' : ''}, ${token}`;
}

export const outcomeBadges: Record<Outcome, BadgeStyle> = {
  done: { shape: 'done', tone: 'ok', label: 'Done' },
  unknown: { shape: 'unknown', tone: 'unk', label: 'Unknown' },
  declined: { shape: 'declined', tone: 'bad', label: 'Declined' },
  'not-asked': { shape: 'clock', tone: 'warn', label: 'Held back' },
  error: { shape: 'clock', tone: 'warn', label: 'Error' },
  undone: { shape: 'back', tone: 'warn', label: 'Undone' },
  stuck: { shape: 'stuck', tone: 'bad', label: 'Stuck' },
  running: { shape: 'half', tone: 'accent', label: 'Running' },
};
