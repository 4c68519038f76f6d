import type { LoadTest } from '../../api/openapi';
import type { BadgeStyle } from '../../formatting/statuses';

/** A rehearsal's verdict on the promises, or why there is none. */
export const runBadges: Record<LoadTest['status'], BadgeStyle> = {
  running: { shape: 'half', tone: 'accent', label: 'Running' },
  passed: { shape: 'done', tone: 'ok', label: 'All promises held' },
  failed: { shape: 'stuck', tone: 'bad', label: 'Failed' },
  stopped: { shape: 'none', tone: 'grey', label: 'Stopped' },
  broken: { shape: 'unknown', tone: 'unk', label: 'No verdict' },
};

/**
 * A rough estimate of a run's length in seconds, for the button: buyers arrive at their rate in each lane, then
 * charges finish and the promises are audited.
 */
export const estimateSeconds = (buyers: number, rate: number, lanes: number): number =>
  lanes * (buyers / rate + settlingSeconds);

/** The usual time for payments and the audit of one lane. */
const settlingSeconds = 3;
