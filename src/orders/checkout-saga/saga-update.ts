import { hostname } from 'node:os';
import type { Saga, SagaState, StepList } from '../saga-state';
import { type SagaSchedule, type TransitionRecord, isLeased } from './saga.repository';
import type { Reason } from './transition-codes';
import { type SagaEvent, type Transition, backoffMs, canCancel, transition } from './transitions';

/** Names this process in leases and in the history. */
export const workerName = `${hostname()}:${process.pid}`;

/** What one commit does to a saga: its state as it moves, and the lines of its history. */
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

  /** Takes the lease, under a new fencing token. */
  claim(): void {
    this.noteLostWorker();
    // guard: fencing-token-grows
    this.saga = { ...this.saga, fencingToken: this.start.fencingToken + 1 };
  }

  /** Records that a lease expired before it was given back: its worker died, stalled or lost the database. */
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

  /** Leaves the request to the worker that drives the saga, which sees it at its next commit. */
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
   * When the saga is due again: at once, never, or after a pause. A pause that the provider asked for wins, stretched by up
   * to a fifth, so that the sagas that got the same pause do not all return at once.
   */
  private nextRunAt(retryAfterMs?: number): Date | null {
    if (this.nextRun === 'never') return null;
    if (this.nextRun === 'now') return this.saga.now;
    const requested = retryAfterMs && Math.round(retryAfterMs * (1 + 0.2 * Math.random()));
    const pauseMs = requested ?? backoffMs(this.saga.attempt, Math.random());
    // guard: retry-by-database-clock
    return new Date(this.saga.now.getTime() + pauseMs);
  }

  /** The saga waits, or has ended. */
  giveBackLease(retryAfterMs?: number): void {
    const nextRunAt = this.nextRunAt(retryAfterMs);
    this.schedule = { nextRunAt, leaseExpiresAt: null };
    const last = this.records.at(-1);
    if (last && nextRunAt) last.data = { ...last.data, nextRunAt: nextRunAt.toISOString() };
  }

  /** The buyer has until then. */
  waitUntil(at: Date): void {
    this.schedule = { nextRunAt: at, leaseExpiresAt: null };
    const last = this.records.at(-1);
    if (last) last.data = { ...last.data, nextRunAt: at.toISOString() };
  }

  /** The provider is about to be called. If this worker dies, the saga is due when the lease expires. */
  keepLeaseUntil(leaseEnd: Date): void {
    this.schedule = { nextRunAt: leaseEnd, leaseExpiresAt: leaseEnd };
  }
}
