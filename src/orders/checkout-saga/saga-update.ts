import { hostname } from 'node:os';
import type { Saga, SagaState, StepList } from '../saga-state';
import { type SagaSchedule, type TransitionRecord, isLeased } from './saga.repository';
import type { Reason } from './transition-codes';
import { type SagaEvent, type Transition, backoffMs, canCancel, transition } from './transitions';

/** Who writes, in leases and in the history. */
export const workerName = `${hostname()}:${process.pid}`;

/** One stretch between two commits: the saga as it moves, and the lines of its history. */
export class SagaUpdate {
  saga: Saga;
  nextRun: Transition['nextRun'] = 'now';
  readonly records: TransitionRecord[] = [];
  schedule: SagaSchedule;

  constructor(
    readonly start: Saga,
    private readonly steps: StepList,
  ) {
    this.saga = start;
    this.schedule = { nextRunAt: start.nextRunAt, leaseExpiresAt: start.leaseExpiresAt };
  }

  /** Takes the lease on it, under a new fencing token. */
  claim(): void {
    this.noteLostWorker();
    // guard: fencing-token-grows
    this.saga = { ...this.saga, fencingToken: this.start.fencingToken + 1 };
  }

  /** A lease that was never given back: its worker stopped, or lost its way to the database. For all but its holder. */
  noteLostWorker(): void {
    const { leaseExpiresAt, leaseOwner } = this.start;
    if (leaseExpiresAt === null || isLeased(this.start)) return;
    this.apply(
      { type: 'worker-lost' },
      {
        code: 'worker_lost',
        data: { ...(leaseOwner && { worker: leaseOwner }), leaseEndedAt: leaseExpiresAt.toISOString() },
        why: `${leaseOwner ?? 'a worker'} did not come back before its lease ended`,
      },
    );
  }

  apply(event: SagaEvent, reason: Reason): void {
    const { state, nextRun } = transition(this.steps, this.saga, event);
    this.nextRun = nextRun;
    this.become(state, event, reason);
  }

  canCancel(): boolean {
    return canCancel(this.steps, this.saga);
  }

  /** Leaves a wish with whoever drives the saga, who reads it at the next commit. When it is due stays theirs to say. */
  noteCancellation(by: 'cancel' | 'refund', reason: Reason): void {
    this.become({ ...this.saga, requestedEnd: by }, { type: 'turn-back', by }, reason);
  }

  private become(state: SagaState, event: SagaEvent, { code, data, why }: Reason): void {
    const before = this.saga;
    this.saga = { ...before, ...state };
    this.records.push({
      fromStatus: before.status,
      toStatus: state.status,
      step: before.step,
      attempt: event.type === 'asked' ? state.attempt : before.attempt,
      cause: event.type,
      detail: why ?? null,
      code,
      data: data ?? null,
    });
  }

  /**
   * When the saga is due again: at once, never by itself, or after a pause. The provider's own wish comes first, and is
   * stretched by up to a fifth, so that all who were told the same do not return as one.
   */
  private nextRunAt(retryAfterMs?: number): Date | null {
    if (this.nextRun === 'never') return null;
    if (this.nextRun === 'now') return this.saga.now;
    const wished = retryAfterMs && Math.round(retryAfterMs * (1 + 0.2 * Math.random()));
    const pauseMs = wished ?? backoffMs(this.saga.attempt, Math.random());
    // guard: retry-by-database-clock
    return new Date(this.saga.now.getTime() + pauseMs);
  }

  /** The turn ends here, and the lease with it. */
  giveBackLease(retryAfterMs?: number): void {
    const nextRunAt = this.nextRunAt(retryAfterMs);
    this.schedule = { nextRunAt, leaseExpiresAt: null };
    const last = this.records.at(-1);
    if (last && nextRunAt) last.data = { ...last.data, nextRunAt: nextRunAt.toISOString() };
  }

  /** The provider is being asked; should we not come back, the saga is due the moment the lease ends. */
  keepLeaseUntil(leaseEnd: Date): void {
    this.schedule = { nextRunAt: leaseEnd, leaseExpiresAt: leaseEnd };
  }
}
