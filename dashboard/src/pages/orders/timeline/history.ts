import type { Saga, SagaAttempt } from '../../../api/shapes/sagas';

/**
 * A saga as it is drawn: attempts in lanes, the life of its reservation, and who drove it. Nothing here knows of pixels
 * or of React, so that every odd history can be tried in a unit test. Milliseconds count from the first transition.
 */
export type Outcome = SagaAttempt['outcome'];

/** One attempt, from its start to its answer; or an act within one commit, which has no length. */
export interface Bar {
  /** Stable, for React and for what is opened. */
  key: string;
  lane: string;
  outcome: Outcome;
  startMs: number;
  /** Of a running attempt: now. */
  endMs: number;
  attempt: SagaAttempt;
}

export interface Lane {
  key: string;
  step: string;
  /** A compensation, which undoes the step. */
  back: boolean;
  bars: Bar[];
  /** After how many attempts it stopped, while nothing but an operator moves it. */
  stoppedAfter: number | null;
}

export interface LeaseSpan {
  worker: string;
  tokenFirst: number;
  tokenLast: number;
  startMs: number;
  endMs: number;
  /** It came while the one before had asked and not yet heard. */
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
  /** The saga goes on, and the drawing ends at now. */
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
  'status' | 'step' | 'waitsFor' | 'transitions' | 'attempts' | 'reservation'
>;

const straight = ['reserve-stock', 'authorize-payment', 'capture-payment', 'place-order'];

const laneKey = (step: string, back: boolean) => (back ? `undo ${step}` : step);

/** A charge that is asked about again on the way back undoes nothing: it stands beside its other attempts. */
const undoes = ({ compensates, operation }: SagaAttempt) =>
  compensates && operation !== 'authorize' && operation !== 'capture';

/** `nowMs`: the age of the saga, which is looked at while an attempt is running. */
export function historyOf(saga: SagaFacts, nowMs: number): History {
  const lastMs = Math.max(
    0,
    saga.transitions.at(-1)?.afterMs ?? 0,
    ...saga.attempts.map(({ endedAtMs, startedAtMs }) => endedAtMs ?? startedAtMs),
  );
  const open = saga.status !== 'completed' && saga.status !== 'compensated';
  // What waits for its next try ends at its last one: how long it waits is told by when that try is.
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

/** The four steps of the straight path, reached or not, and below them the compensations in the order they ran. */
function lanesOf(saga: SagaFacts, endMs: number): Lane[] {
  const lanes = straight.map((step) => laneOf(step, false));
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
  // Written within the act that ended it, a little before the act itself was noted down.
  const endedBy = status === 'confirmed' ? placed : returned;
  const endedAtMs = reservation.endedAtMs === null ? null : (endedBy?.startedAtMs ?? reservation.endedAtMs);
  const untilMs = endedAtMs ?? endMs;
  // The last act has no length, and is drawn as if it had.
  const lastMs = endMs + 1;
  const phases: PhaseSpan[] = [
    { phase: 'active', startMs: Math.max(0, startedAtMs), endMs: pinnedAtMs ?? untilMs },
    { phase: 'pinned', startMs: pinnedAtMs ?? untilMs, endMs: untilMs },
  ];
  if (endedAtMs !== null && status === 'confirmed') {
    // Sold stock that was given back keeps its status; that it came back is told by the step that returned it.
    const returnedMs = returned?.startedAtMs ?? lastMs;
    phases.push({ phase: 'confirmed', startMs: endedAtMs, endMs: returnedMs });
    if (returned) phases.push({ phase: 'gone', startMs: returnedMs, endMs: lastMs });
  } else if (endedAtMs !== null) phases.push({ phase: 'gone', startMs: endedAtMs, endMs: lastMs });
  return phases.filter((span) => span.endMs > span.startMs);
}

/** Neighbouring transitions of one worker are one span, whatever tokens it drove it with. Hands drive nothing. */
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

/** Another worker's question that had no answer when this one came. */
const isLeftOpen = (
  { operation, worker, startedAtMs, endedAtMs }: SagaAttempt,
  newcomer: string,
  atMs: number,
) =>
  operation !== null &&
  worker !== newcomer &&
  startedAtMs < atMs &&
  (endedAtMs === null || endedAtMs >= atMs);
