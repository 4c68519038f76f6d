import { duration, fineDuration } from '../../words/durations';
import { plural } from '../../words/numbers';
import type { Look } from '../../words/statuses';
import type { Bar, Lane, LeaseSpan, Outcome } from './history';
import { type Fold, type Piece, isFold } from './folding';

/** What a bar of the timeline says, and what its lane is called. Every bar carries its own duration or outcome. */
export interface LaneWords {
  name: string;
  note: string;
}

const undoing: Record<string, string> = {
  'authorize-payment': 'void authorization',
  'capture-payment': 'refund payment',
  'reserve-stock': 'release stock',
};

export function laneWords(lane: Lane, open: boolean): LaneWords {
  const name = lane.back ? (undoing[lane.step] ?? `undo ${lane.step}`) : lane.step;
  return { name, note: lane.back ? `undoes ${lane.step}` : forwardNote(lane, open) };
}

function forwardNote(lane: Lane, open: boolean): string {
  const [first] = lane.bars;
  if (!first) return open ? 'not yet' : 'not reached';
  if (lane.step === 'reserve-stock') return 'local, in the request';
  if (lane.step === 'place-order') return 'local';
  const asked = lane.bars.filter(({ attempt }) => attempt.operation !== null);
  const keys = new Set(asked.map(({ attempt }) => attempt.key));
  const tries =
    asked.length < 2 ? plural(asked.length, 'attempt') : `${asked.length} attempts, ${keysWords(keys.size)}`;
  return lane.step === 'capture-payment' ? `pivot, ${tries}` : tries;
}

const keysWords = (keys: number) => (keys === 1 ? 'one key' : `${keys} keys`);

/** `units`: of the order, for the bars in which stock moved. */
export function barWords({ attempt, outcome, startMs, endMs }: Bar, units: number): string {
  const took = fineDuration(endMs - startMs);
  const local = attempt.operation === null;
  const nth = local ? '' : `${attempt.attempt} `;
  switch (outcome) {
    case 'done':
      if (!local) return `${nth}yes, ${took}`;
      return attempt.step === 'reserve-stock' ? plural(units, 'unit') : 'placed';
    case 'undone':
      return local ? plural(units, 'unit') : took;
    case 'declined':
      return local ? 'not begun' : `${nth}declined`;
    case 'unknown':
      return `${nth}${silence(attempt.detail, duration(endMs - startMs))}`;
    case 'not-asked':
      return `${nth}held back`;
    case 'error':
      return `${nth}error`;
    case 'stuck':
      return `${nth}needs a person`;
    case 'running':
      return `${nth}asking, ${duration(Math.floor((endMs - startMs) / 1_000) * 1_000)}`;
  }
}

/** What silence looked like, from the saga's own record; the provider's message is left to the details. */
function silence(detail: string | null, took: string): string {
  const status = /\b([45]\d\d):/.exec(detail ?? '')?.[1];
  if (status === '409') return 'key in use';
  if (status === '429') return 'told to wait';
  if (status) return `answered ${status}`;
  if (/still processing/.test(detail ?? '')) return 'still processing';
  return /the provider says/.test(detail ?? '') ? 'another amount' : `no answer, ${took}`;
}

const together: Record<Outcome, string> = {
  done: 'done',
  unknown: 'no answer',
  declined: 'declined',
  error: 'failed',
  'not-asked': 'held back',
  undone: 'undone',
  stuck: 'needs a person',
  running: 'asking',
};

export const foldWords = ({ bars, outcome, startMs, endMs }: Fold): string =>
  `attempts ${bars[0]!.attempt.attempt} to ${bars.at(-1)!.attempt.attempt}, ${together[outcome]}, over ${fineDuration(endMs - startMs)}`;

export const pieceWords = (piece: Piece, units: number): string =>
  isFold(piece) ? foldWords(piece) : barWords(piece, units);

export function leaseWords({ worker, tokenFirst, tokenLast, tookOver }: LeaseSpan): string {
  if (tokenLast === 0) return worker;
  const token = tokenFirst === tokenLast ? `token ${tokenFirst}` : `tokens ${tokenFirst} to ${tokenLast}`;
  return `${worker}${tookOver ? ' took over' : ''}, ${token}`;
}

export const outcomeLooks: Record<Outcome, Look> = {
  done: { shape: 'done', tone: 'ok', word: 'Done' },
  unknown: { shape: 'unknown', tone: 'unk', word: 'Unknown' },
  declined: { shape: 'declined', tone: 'bad', word: 'Declined' },
  'not-asked': { shape: 'clock', tone: 'warn', word: 'Held back' },
  error: { shape: 'clock', tone: 'warn', word: 'Error' },
  undone: { shape: 'back', tone: 'warn', word: 'Undone' },
  stuck: { shape: 'stuck', tone: 'bad', word: 'Stuck' },
  running: { shape: 'half', tone: 'accent', word: 'Running' },
};
