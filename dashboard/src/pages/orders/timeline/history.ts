import type { Saga, SagaAttempt } from '../../../api/openapi';

/**
 * The data of the drawing: attempts in lanes, the life of the reservation, and the workers that held the lease. No
 * pixels and no React, so that unit tests cover every odd history. Milliseconds count from the first transition.
 */
export type Outcome = SagaAttempt['outcome'];

/** One attempt from start to result, or a local step, which has no length. */
export interface Bar {
  /** A stable key, for React and for opened folds. */
  key: string;
  lane: string;
  outcome: Outcome;
  startMs: number;
  /** For a running attempt: now. */
  endMs: number;
  attempt: SagaAttempt;
}

export interface Lane {
  key: string;
  step: string;
  /** A compensation, which undoes the step. */
  back: boolean;
  bars: Bar[];
  /** The number of attempts after which it stopped until an operator acts; null otherwise. */
  stoppedAfter: number | null;
}

export interface LeaseSpan {
  worker: string;
  tokenFirst: number;
  tokenLast: number;
  startMs: number;
  endMs: number;
  /** It took over while the previous worker was waiting for a result. */
  tookOver: boolean;
}

export type Phase = 'active' | 'pinned' | 'confirmed' | 'gone';

export interface PhaseSpan {
  phase: Phase;
  startMs: number;
  endMs: number;
}

export interface History {
  lanes: Lane[];
  leases: LeaseSpan[];
  phases: PhaseSpan[];
  endMs: number;
  /** The saga is still open; the drawing ends at now. */
  open: boolean;
}

/** The data that every part of the timeline needs. */
export interface TimelineFacts {
  saga: Saga;
  history: History;
  /** The instant that offsets in milliseconds are relative to. */
  zero: number;
}

export type SagaFacts = Pick<
  Saga,
  'status' | 'step' | 'waitsFor' | 'steps' | 'transitions' | 'attempts' | 'reservation'
>;

const laneKey = (step: string, back: boolean) => (back ? `undo ${step}` : step);

/** A charge that is checked again during compensation undoes nothing: it stays beside its other attempts. */
const undoes = ({ compensates, operation }: SagaAttempt) =>
  compensates && operation !== 'authorize' && operation !== 'charge' && operation !== 'capture';

/** `nowMs`: the age of the saga, used while an attempt is running. */
export function historyOf(saga: SagaFacts, nowMs: number): History {
  const lastMs = Math.max(
    0,
    saga.transitions.at(-1)?.afterMs ?? 0,
    ...saga.attempts.map(({ endedAtMs, startedAtMs }) => endedAtMs ?? startedAtMs),
  );
  const open = saga.status !== 'completed' && saga.status !== 'compensated';
  // A waiting saga ends at its last attempt; the countdown shows how long it waits.
  const asking = saga.attempts.some(({ outcome }) => outcome === 'running');
  const endMs = asking ? Math.max(nowMs, lastMs) : lastMs;
  return {
    lanes: lanesOf(saga, endMs),
    leases: leasesOf(saga, endMs),
    phases: phasesOf(saga, endMs),
    endMs,
    open,
  };
}

/** The steps, reached or not, and below them the compensations in the order they ran. */
function lanesOf(saga: SagaFacts, endMs: number): Lane[] {
  const lanes = saga.steps.map((step) => laneOf(step, false));
  for (const attempt of saga.attempts) {
    const back = undoes(attempt);
    const key = laneKey(attempt.step, back);
    const known = lanes.find((lane) => lane.key === key);
    const lane = known ?? laneOf(attempt.step, back);
    if (!known) lanes.push(lane);
    lane.bars.push({
      key: `${key} ${lane.bars.length + 1}`,
      lane: key,
      outcome: attempt.outcome,
      startMs: Math.max(0, attempt.startedAtMs),
      endMs: attempt.endedAtMs ?? endMs,
      attempt,
    });
  }
  if (saga.waitsFor === 'operator') {
    const stopped = lanes.findLast(({ step, bars }) => step === saga.step && bars.length > 0);
    if (stopped) stopped.stoppedAfter = stopped.bars.length;
  }
  return lanes;
}

const laneOf = (step: string, back: boolean): Lane => ({
  key: laneKey(step, back),
  step,
  back,
  bars: [],
  stoppedAfter: null,
});

function phasesOf({ reservation, attempts }: SagaFacts, endMs: number): PhaseSpan[] {
  const { startedAtMs, pinnedAtMs, status } = reservation;
  const returned = attempts.find(({ step, compensates }) => compensates && step === 'reserve-stock');
  const placed = attempts.find(({ step, compensates }) => !compensates && step === 'place-order');
  // It ended within the step's commit, slightly before the step itself was recorded.
  const endedBy = status === 'confirmed' ? placed : returned;
  const endedAtMs = reservation.endedAtMs === null ? null : (endedBy?.startedAtMs ?? reservation.endedAtMs);
  const untilMs = endedAtMs ?? endMs;
  // The last local step has no length; it is drawn as one millisecond.
  const lastMs = endMs + 1;
  const phases: PhaseSpan[] = [
    { phase: 'active', startMs: Math.max(0, startedAtMs), endMs: pinnedAtMs ?? untilMs },
    { phase: 'pinned', startMs: pinnedAtMs ?? untilMs, endMs: untilMs },
  ];
  if (endedAtMs !== null && status === 'confirmed') {
    // A confirmed reservation keeps its status after a refund; the compensated step says that the stock came back.
    const returnedMs = returned?.startedAtMs ?? lastMs;
    phases.push({ phase: 'confirmed', startMs: endedAtMs, endMs: returnedMs });
    if (returned) phases.push({ phase: 'gone', startMs: returnedMs, endMs: lastMs });
  } else if (endedAtMs !== null) phases.push({ phase: 'gone', startMs: endedAtMs, endMs: lastMs });
  return phases.filter((span) => span.endMs > span.startMs);
}

/** Consecutive transitions of one worker are one span, whatever its tokens. Manual actions hold no lease. */
function leasesOf({ transitions, attempts }: SagaFacts, endMs: number): LeaseSpan[] {
  const leases: LeaseSpan[] = [];
  for (const { afterMs, worker, fencingToken, leaseOwner } of transitions) {
    if (leaseOwner === null && fencingToken > 0) continue;
    const last = leases.at(-1);
    if (last?.worker === worker && last.tokenLast > 0 === fencingToken > 0) {
      last.tokenLast = Math.max(last.tokenLast, fencingToken);
      continue;
    }
    if (last) last.endMs = afterMs;
    const tokens = { tokenFirst: fencingToken, tokenLast: fencingToken };
    const tookOver = attempts.some((attempt) => isLeftOpen(attempt, worker, afterMs));
    leases.push({ worker, ...tokens, startMs: last ? afterMs : 0, endMs, tookOver });
  }
  return leases;
}

/** Another worker's request that had no result yet when this one took over. */
const isLeftOpen = (
  { operation, worker, startedAtMs, endedAtMs }: SagaAttempt,
  newcomer: string,
  atMs: number,
) =>
  operation !== null &&
  worker !== newcomer &&
  startedAtMs < atMs &&
  (endedAtMs === null || endedAtMs >= atMs);
