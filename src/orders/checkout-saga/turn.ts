import { hostname } from 'node:os';
import type { Tx } from '../../database/database';
import type { Saga, SagaState } from './saga';
import { type SagaSchedule, type TransitionRecord, saveSaga } from './saga.repository';
import { type SagaEvent, type Transition, backoffMs, transition } from './transitions';

/** Who writes, in leases and in the history. */
export const workerName = `${hostname()}:${process.pid}`;

/** One stretch between two commits: the saga as it moves, and the lines of its history. */
export class Turn {
  saga: Saga;
  nextRun: Transition['nextRun'] = 'now';
  readonly records: TransitionRecord[] = [];

  constructor(readonly start: Saga) {
    this.saga = start;
  }

  apply(event: SagaEvent, detail?: string): void {
    const before: SagaState = this.saga;
    const { state, nextRun } = transition(before, event);
    this.saga = { ...this.saga, ...state };
    this.nextRun = nextRun;
    this.records.push({
      fromStatus: before.status,
      toStatus: state.status,
      step: before.step,
      attempt: event.type === 'asked' ? state.attempt : before.attempt,
      cause: event.type,
      detail: detail ?? null,
    });
  }

  /**
   * When the saga is due again: at once, never by itself, or after a pause. The provider's own wish comes first, and is
   * stretched by up to a fifth, so that all who were told the same do not return as one.
   */
  nextRunAt(retryAfterMs?: number): Date | null {
    if (this.nextRun === 'never') return null;
    if (this.nextRun === 'now') return this.saga.now;
    const wished = retryAfterMs && Math.round(retryAfterMs * (1 + 0.2 * Math.random()));
    const pauseMs = wished ?? backoffMs(this.saga.attempt, Math.random());
    return new Date(this.saga.now.getTime() + pauseMs);
  }

  /** Writes it all at once. Throws StaleLease, and writes nothing, when another drives the saga now. */
  save(tx: Tx, schedule: SagaSchedule): Promise<void> {
    return saveSaga(tx, this.start, this.saga, schedule, this.records, workerName);
  }
}
