import {
  type OperationKind,
  type PaymentOperation,
  namesOf,
  operationKinds,
} from '../../payment/payment-operations';
import { lastStep, requestStep } from '../../orders/checkout-saga/checkout.saga';
import type { TimelineRow } from '../../orders/checkout-saga/saga.repository';
import type { TransitionCode, TransitionData } from '../../orders/checkout-saga/transition-codes';

/**
 * A saga's attempts, read off its history: each with its own start and end, so that nothing hides how often it was asked
 * and how long it waited between. Pure: no query is made here.
 */
export interface Attempt {
  step: string;
  /** On the way back: it undoes the step, or asks about its charge first. */
  compensates: boolean;
  /** Of the operation. The saga's own count begins again on the way back and after a retry; older builds wrote no other. */
  attempt: number;
  operation: OperationKind | null;
  outcome: 'running' | 'done' | 'unknown' | 'declined' | 'error' | 'not-asked' | 'undone' | 'stuck';
  startedAt: Date;
  endedAt: Date | null;
  detail: string | null;
  /** Of the line that ended it: why, and with which facts. Null while it runs, and for lines of older builds. */
  code: TransitionCode | null;
  data: TransitionData | null;
  fencingToken: number;
  worker: string;
}

/** The causes that end an attempt, and its outcome when the saga goes forward. */
const outcomes: Partial<Record<string, Attempt['outcome']>> = {
  done: 'done',
  declined: 'declined',
  unknown: 'unknown',
  'not-asked': 'not-asked',
  failed: 'error',
  blocked: 'stuck',
  // Its worker never heard the answer; its code says that the silence was not the provider's.
  'worker-lost': 'unknown',
};

export function attemptsOf(transitions: readonly TimelineRow[]): Attempt[] {
  const attempts: Attempt[] = [];
  let open: Attempt | undefined;
  let goesBack = false;
  const begin = (row: TimelineRow, more: Pick<Attempt, 'operation' | 'attempt'>): Attempt => {
    const attempt: Attempt = {
      ...more,
      step: row.step,
      compensates: goesBack,
      outcome: 'running',
      startedAt: row.at,
      endedAt: null,
      detail: null,
      code: null,
      data: null,
      fencingToken: row.fencingToken,
      worker: row.worker,
    };
    attempts.push(attempt);
    return attempt;
  };

  for (const row of transitions) {
    if (row.cause === 'accepted') Object.assign(begin(row, { operation: null, attempt: 1 }), endedBy(row));
    if (row.cause === 'asked') {
      if (open) Object.assign(open, endedByNext(open, row));
      open = begin(row, { operation: askedFor(row), attempt: row.data?.attempt ?? row.attempt });
    } else if (row.cause in outcomes) {
      // A lost worker may have been lost before it asked anything.
      const isOwn = row.cause !== 'worker-lost' && isOfItsOwn(row, goesBack);
      const found = open ?? (isOwn ? begin(row, { operation: null, attempt: 1 }) : undefined);
      if (found) Object.assign(found, endedBy(row, found));
      open = undefined;
    }
    if (row.toStatus.startsWith('compensat')) goesBack = true;
    if (row.cause === 'reacquired') goesBack = false;
  }
  return attempts;
}

type End = Pick<Attempt, 'endedAt' | 'outcome' | 'detail' | 'code' | 'data'>;

function endedBy(row: TimelineRow, attempt?: Attempt): End {
  const { at, cause, code, data, detail } = row;
  const end = { endedAt: at, code, data };
  if (cause === 'worker-lost') return lost(attempt!, end);
  const outcome = outcomes[cause] ?? 'done';
  if (outcome !== 'done') return { ...end, outcome, detail };
  return { ...end, outcome: attempt?.compensates ? undoneBy(attempt, row) : 'done', detail: null };
}

/** On the way back a charge that was never heard is asked for first; that question itself undoes nothing. */
function undoneBy({ operation }: Attempt, { code, data }: TimelineRow): Attempt['outcome'] {
  const isQuestion = operation === 'authorize' || operation === 'capture';
  if (!isQuestion || code === null) return 'undone';
  return data?.declineCode ? 'declined' : 'done';
}

/** The next question follows at once when this one was answered, and under another lease when its worker was lost. */
function endedByNext(open: Attempt, { at, fencingToken }: TimelineRow): End {
  if (fencingToken !== open.fencingToken) return lost(open, { endedAt: at });
  const undoes = open.operation === 'void' || open.operation === 'refund';
  return { endedAt: at, outcome: undoes ? 'undone' : 'done', detail: null, code: null, data: null };
}

/** A worker that did not come back: the provider may have answered, and nobody heard it. */
export const lost = ({ worker }: Attempt, end: Pick<End, 'endedAt'> & Partial<End>): End => ({
  outcome: 'unknown',
  detail: `${worker} lost its lease`,
  data: { worker },
  ...end,
  code: 'worker_lost',
});

/** Older builds wrote the kind alone. */
function askedFor({ data, detail }: TimelineRow): OperationKind | null {
  return data?.operation ?? operationKinds.find((kind) => kind === detail) ?? null;
}

/** Work without a question to the provider. On the way back most steps find nothing to undo, and say so in no line. */
const isOfItsOwn = ({ step, cause }: TimelineRow, goesBack: boolean): boolean =>
  cause !== 'done' || step === (goesBack ? requestStep : lastStep);

/** The key that an attempt was asked under. */
export function keyOf(attempt: Attempt, operations: readonly PaymentOperation[]): string | null {
  const operation = operations.filter(({ kind }) => kind === attempt.operation).at(-1);
  return operation ? namesOf(operation).key : null;
}
