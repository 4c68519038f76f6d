import type { LoadTestStatus } from '../../api/shapes/load-tests';
import type { BadgeStyle } from '../../formatting/statuses';

/** A rehearsal's verdict: on the promises, or that it came to none. */
export const runBadges: Record<LoadTestStatus, BadgeStyle> = {
  running: { shape: 'half', tone: 'accent', label: 'Running' },
  passed: { shape: 'done', tone: 'ok', label: 'All promises held' },
  failed: { shape: 'stuck', tone: 'bad', label: 'Failed' },
  stopped: { shape: 'none', tone: 'grey', label: 'Stopped' },
  broken: { shape: 'unknown', tone: 'unk', label: 'No verdict' },
};

/**
 * About how long a run takes, in seconds: buyers come at their rate in each lane, and then the charges are waited for
 * and the promises audited. A guess for the button, and said to be one.
 */
export const estimateSeconds = (buyers: number, rate: number, lanes: number): number =>
  lanes * (buyers / rate + settlingSeconds);

/** What payments and the audit of one lane usually take. */
const settlingSeconds = 3;
