import type { EndpointState, Health } from './endpoint-claims.repository';

/** So many failures in a row, over so many aggregates, are the endpoint's and not the events' fault. */
const failuresToProbe = 20;
const aggregatesToProbe = 3;

export interface Outcomes {
  /** In the order in which they came, true: taken. */
  tries: boolean[];
  /** The receiver said 410. */
  isGone: boolean;
  waiting: { all: number; failed: number };
}

export interface HealthRules {
  probeSeconds: number;
  failingSecondsMax: number;
}

/**
 * An endpoint's health after tries.
 *
 * enabled → probed    20 failures in a row over at least 3 aggregates, or all that wait: only the oldest event is tried, now
 *                     and then, and counts no attempt, so that no event is given up for its receiver's fault
 * probed → enabled    one event (or test) was taken
 * any → disabled      410 (`gone`), or nothing but failures for five days (`failing`)
 */
export function healthAfter(
  before: Pick<EndpointState, 'failures' | 'failingSince' | 'lastDeliveredAt' | 'now'> & {
    probeAt?: Date | null;
  },
  { tries, isGone, waiting }: Outcomes,
  rules: HealthRules,
): Health {
  const { now } = before;
  const lastTaken = tries.lastIndexOf(true);
  const failures = lastTaken < 0 ? before.failures + tries.length : tries.length - 1 - lastTaken;
  const since = lastTaken < 0 ? before.failingSince : null;
  const failingSince = failures > 0 ? (since ?? now) : null;
  const isFailing =
    failingSince !== null && now.getTime() - failingSince.getTime() >= rules.failingSecondsMax * 1_000;
  const mustProbe =
    failures >= failuresToProbe && (waiting.failed >= aggregatesToProbe || waiting.failed === waiting.all);
  const probesOn = lastTaken < 0 && before.probeAt != null;
  return {
    failures,
    failingSince,
    probeAt: mustProbe || probesOn ? new Date(now.getTime() + rules.probeSeconds * 1_000) : null,
    lastDeliveredAt: lastTaken < 0 ? before.lastDeliveredAt : now,
    disabledReason: isGone ? 'gone' : isFailing && waiting.all > 0 ? 'failing' : null,
  };
}

/** When a try that failed is followed by the next: by the schedule, its last step for all that follow, each off by up to 20 %. */
export function nextTryAt(
  now: Date,
  attempts: number,
  schedule: readonly number[],
  random = Math.random(),
): Date {
  const seconds = schedule[Math.min(attempts, schedule.length) - 1]!;
  return new Date(now.getTime() + seconds * 1_000 * (0.8 + 0.4 * random));
}

/** Its tries are used up, and others were taken meanwhile: it is the event, and the aggregate goes on without it. */
export function isToBeGivenUp(
  { attempts, firstTriedAt }: { attempts: number; firstTriedAt: Date },
  { lastDeliveredAt }: Pick<EndpointState, 'lastDeliveredAt'>,
  schedule: readonly number[],
): boolean {
  return attempts > schedule.length && lastDeliveredAt !== null && lastDeliveredAt > firstTriedAt;
}
