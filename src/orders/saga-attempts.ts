import { namesOf, type OperationKind, type PaymentOperation } from '../payment/payment-operations';
import type { StepName } from './checkout-saga/saga';
import type { TimelineRow } from './checkout-saga/saga.repository';

/**
 * A saga's attempts, read off its history: each with its own start and end, so that nothing hides how often it was asked
 * and how long it waited between. Pure: no query is made here.
 */
export interface Attempt {
  step: StepName;
  /** On the way back: it undoes the step. */
  compensates: boolean;
  attempt: number;
  operation: OperationKind | null;
  outcome: 'running' | 'done' | 'unknown' | 'declined' | 'error' | 'not-asked' | 'undone' | 'stuck';
  startedAt: Date;
  endedAt: Date | null;
  detail: string | null;
  fencingToken: number;
  worker: string;
}

/** The causes that end an attempt, and how it is told when the saga goes forward. */
const outcomes: Partial<Record<string, Attempt['outcome']>> = {
  done: 'done',
  declined: 'declined',
  unknown: 'unknown',
  'not-asked': 'not-asked',
  failed: 'error',
  blocked: 'stuck',
};

/** What turns a saga back, so that what follows undoes. */
const turns = ['declined', 'turn-back', 'compensated-by-hand', 'given-up'];

export function attemptsOf(transitions: readonly TimelineRow[]): Attempt[] {
  const attempts: Attempt[] = [];
  let open: Attempt | undefined;
  let goesBack = false;
  const begin = (row: TimelineRow, more: Pick<Attempt, 'operation' | 'attempt'>): Attempt => {
    const attempt: Attempt = {
      ...more,
      step: row.step as StepName,
      compensates: goesBack,
      outcome: 'running',
      startedAt: row.at,
      endedAt: null,
      detail: null,
      fencingToken: row.fencingToken,
      worker: row.worker,
    };
    attempts.push(attempt);
    return attempt;
  };
  const end = (attempt: Attempt, at: Date, outcome: Attempt['outcome'], detail: string | null): void => {
    Object.assign(attempt, { endedAt: at, outcome, detail });
  };

  for (const row of transitions) {
    const outcome = outcomes[row.cause];
    if (row.cause === 'accepted') end(begin(row, { operation: null, attempt: 1 }), row.at, 'done', null);
    if (row.cause === 'asked') {
      if (open) closeByNext(open, row, end);
      open = begin(row, { operation: row.detail as OperationKind, attempt: row.attempt });
    } else if (outcome) {
      const found =
        open ?? (isOfItsOwn(row, goesBack) ? begin(row, { operation: null, attempt: 1 }) : undefined);
      const told = outcome === 'done' && goesBack ? 'undone' : outcome;
      if (found) end(found, row.at, told, outcome === 'done' ? null : row.detail);
      open = undefined;
    }
    if (turns.includes(row.cause) && row.toStatus.startsWith('compensat')) goesBack = true;
    if (row.cause === 'reacquired') goesBack = false;
  }
  return attempts;
}

/** The next question follows at once when this one was answered, and under another lease when its worker did not come back. */
function closeByNext(
  open: Attempt,
  next: TimelineRow,
  end: (attempt: Attempt, at: Date, outcome: Attempt['outcome'], detail: string | null) => void,
): void {
  if (next.fencingToken === open.fencingToken) end(open, next.at, open.compensates ? 'undone' : 'done', null);
  else end(open, next.at, 'unknown', `${open.worker} stopped`);
}

/** Work without a question to the provider. On the way back most steps find nothing to undo, and say so in no line. */
const isOfItsOwn = ({ step, cause }: TimelineRow, goesBack: boolean): boolean =>
  cause !== 'done' || step === (goesBack ? 'reserve-stock' : 'place-order');

/** The key that an attempt was asked under. */
export function keyOf(attempt: Attempt, operations: readonly PaymentOperation[]): string | null {
  const operation = operations.filter(({ kind }) => kind === attempt.operation).at(-1);
  return operation ? namesOf(operation).key : null;
}
