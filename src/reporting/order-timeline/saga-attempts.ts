import { namesOf } from '../../payment/operation-names';
import {
  type OperationKind,
  type PaymentOperation,
  operationKinds,
} from '../../payment/payment-operations.repository';
import { publicId } from '../../ids';
import type { SagaStatus } from '../../orders/saga-state';
import { lastStep, requestStep } from '../../orders/checkout-saga/checkout.saga';
import type { TimelineRow } from '../../orders/checkout-saga/saga.repository';
import type { TransitionCode, TransitionData } from '../../orders/checkout-saga/transition-codes';

/** A saga's attempts, derived from its history: each with its start and end, so that every call and every pause shows. Pure. */
export interface Attempt {
  step: string;
  /** It undoes the step, or first asks for the result of its charge. */
  compensates: boolean;
  /** Of the operation. The saga's own count restarts when it compensates and after a retry; older builds wrote only that. */
  attempt: number;
  operation: OperationKind | null;
  /** Of that operation; null for lines of older builds. */
  operationId: string | null;
  /** Nothing is sent: the provider is only asked what became of the operation. */
  looksUp: boolean;
  outcome: 'running' | 'done' | 'unknown' | 'declined' | 'error' | 'not-asked' | 'undone' | 'stuck';
  startedAt: Date;
  endedAt: Date | null;
  detail: string | null;
  /** Why it ended, and the facts. Null while it runs, and for lines of older builds. */
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
  // The provider has it and decides later, or was too busy.
  waiting: 'unknown',
  // What the buyer must do is known.
  'waits-for-buyer': 'done',
  failed: 'error',
  blocked: 'stuck',
  // Its worker never got the result; the code says that this was not the provider's fault.
  'worker-lost': 'unknown',
};

export function attemptsOf(transitions: readonly TimelineRow[]): Attempt[] {
  const attempts: Attempt[] = [];
  let open: Attempt | undefined;
  let compensates = false;
  const begin = (
    row: TimelineRow,
    { operation, attempt: number }: Pick<Attempt, 'operation' | 'attempt'>,
  ) => {
    const attempt: Attempt = {
      operation,
      attempt: number,
      step: row.step,
      operationId: (operation && row.data?.operationId) ?? null,
      looksUp: row.code === 'payment_looked_up',
      compensates,
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
      // A worker may be lost before it asks anything.
      const isLocal = row.cause !== 'worker-lost' && isLocalWork(row, compensates);
      const found = open ?? (isLocal ? begin(row, { operation: null, attempt: 1 }) : undefined);
      if (found) Object.assign(found, endedBy(row, found));
      open = undefined;
    }
    if (isCompensation(row.toStatus)) compensates = true;
    if (row.cause === 'reacquired') compensates = false;
  }
  return attempts;
}

type End = Pick<Attempt, 'endedAt' | 'outcome' | 'detail' | 'code' | 'data'>;

function endedBy(row: TimelineRow, attempt?: Attempt): End {
  const { at, cause, code, data, detail } = row;
  const end = { endedAt: at, code, data };
  if (cause === 'worker-lost') return lost(attempt!, end);
  // On the way forward only what was declined is canceled. The line says what the decline leads to.
  const isCanceled = attempt?.operation === 'void' && (cause === 'declined' || cause === 'waits-for-buyer');
  if (isCanceled) return { ...end, outcome: 'undone', detail: null };
  const isDeclined = code === 'another_card_awaited';
  const outcome = isDeclined ? 'declined' : (outcomes[cause] ?? 'done');
  if (outcome !== 'done') return { ...end, outcome, detail };
  return { ...end, outcome: attempt?.compensates ? undoneBy(attempt, row) : 'done', detail: null };
}

/** A compensation first asks for the unknown result of a charge; that call undoes nothing. */
function undoneBy({ operation }: Attempt, { code, data }: TimelineRow): Attempt['outcome'] {
  const isCharge = operation === 'authorize' || operation === 'charge' || operation === 'capture';
  if (!isCharge || code === null) return 'undone';
  return data?.declineCode ? 'declined' : 'done';
}

/** The next call follows at once under the same lease, or under another one when the worker was lost. */
function endedByNext(open: Attempt, { at, fencingToken, data }: TimelineRow): End {
  if (fencingToken !== open.fencingToken) return lost(open, { endedAt: at });
  const { operation, declineCode } = data ?? {};
  if (operation === 'void' && declineCode)
    return { endedAt: at, outcome: 'declined', detail: declineCode, code: null, data: { declineCode } };
  const undoes = open.operation === 'void' || open.operation === 'refund';
  return { endedAt: at, outcome: undoes ? 'undone' : 'done', detail: null, code: null, data: null };
}

/** A lost worker: the provider may have answered, but no result was recorded. */
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

/** Work without a call to the provider. Most compensations find nothing to undo, which is no attempt. */
const isLocalWork = ({ step, cause }: TimelineRow, compensates: boolean): boolean =>
  (cause !== 'done' && cause !== 'waits-for-buyer') || step === (compensates ? requestStep : lastStep);

export const isCompensation = (status: SagaStatus): boolean =>
  status === 'compensating' || status === 'compensated';

/** The provider key of an attempt. */
export function keyOf(attempt: Attempt, operations: readonly PaymentOperation[]): string | null {
  const operation =
    operations.find(({ id }) => publicId('pay', id) === attempt.operationId) ??
    operations.findLast(({ kind }) => kind === attempt.operation);
  return operation ? namesOf(operation).key : null;
}
