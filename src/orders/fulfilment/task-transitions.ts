import type { Pause } from '../checkout-saga/advance';
import { attemptsMax, backoffMs } from '../checkout-saga/transitions';
import type { Reason } from '../checkout-saga/transition-codes';
import type { PaymentTask } from './payment-tasks.repository';

/** How a payment task moves. Pure functions; its states are in `payment-task.entity.ts`. */

const finished = { nextRunAt: null, leaseExpiresAt: null };

/**
 * Takes the lease under a new fencing token and counts the attempt before the work starts. Undefined: workers died on it
 * until its attempts were used up, so the task may be the cause, and an operator must act.
 */
export function taken(task: PaymentTask, now: Date, leaseMs: number): PaymentTask | undefined {
  if (task.leaseExpiresAt !== null && task.attempt >= attemptsMax) return undefined;
  const leaseEnd = new Date(now.getTime() + leaseMs);
  return {
    ...task,
    attempt: task.attempt + 1,
    fencingToken: task.fencingToken + 1,
    leaseExpiresAt: leaseEnd,
    nextRunAt: leaseEnd,
  };
}

/** No retry can help. */
export const blocked = (task: PaymentTask, { code, data, why }: Reason): PaymentTask => ({
  ...task,
  ...finished,
  status: 'stuck',
  code,
  data: data ?? null,
  lastError: why ?? null,
});

/** After a call without a result that ends it. */
export function paused(task: PaymentTask, { event, reason, afterMs }: Pause, now: Date): PaymentTask {
  if (event.type === 'blocked' && !event.asksAgain) return blocked(task, reason);
  // What was held back, or is decided later, costs no attempt.
  const isFree = event.type !== 'unknown' && event.type !== 'failed';
  const attempt = isFree ? Math.max(0, task.attempt - 1) : task.attempt;
  const isStuck = event.type === 'blocked' || attempt >= attemptsMax;
  // A pause that the provider asked for is stretched, so that not all come back at once.
  const pauseMs = afterMs ? afterMs * (1 + 0.2 * Math.random()) : backoffMs(attempt, Math.random());
  return {
    ...task,
    status: isStuck ? 'stuck' : 'due',
    attempt,
    nextRunAt: new Date(now.getTime() + Math.round(pauseMs)),
    leaseExpiresAt: null,
    code: reason.code,
    data: reason.data ?? null,
    lastError: reason.why ?? null,
  };
}

/** `failed`: nothing was done, and nothing will be. */
export const ended = (
  task: PaymentTask,
  status: 'done' | 'failed',
  now: Date,
  reason?: Reason,
): PaymentTask => ({
  ...task,
  ...finished,
  status,
  code: reason?.code ?? null,
  data: reason?.data ?? null,
  lastError: reason?.why ?? null,
  endedAt: now,
});

/** Due now, with new attempts. */
export const again = (task: PaymentTask, now: Date): PaymentTask => ({
  ...task,
  status: 'due',
  attempt: 0,
  nextRunAt: now,
  leaseExpiresAt: null,
  code: null,
  data: null,
  lastError: null,
  endedAt: null,
});
