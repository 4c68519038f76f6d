import type { LoadTestStatus } from '../../api/shapes/load-tests';
import type { Look } from '../../words/statuses';

/** A rehearsal's verdict: on the promises, or that it came to none. */
export const runLooks: Record<LoadTestStatus, Look> = {
  running: { shape: 'half', tone: 'accent', word: 'Running' },
  passed: { shape: 'done', tone: 'ok', word: 'All promises held' },
  failed: { shape: 'stuck', tone: 'bad', word: 'Failed' },
  stopped: { shape: 'none', tone: 'grey', word: 'Stopped' },
  broken: { shape: 'unknown', tone: 'unk', word: 'No verdict' },
};

/**
 * About how long a run takes, in seconds: buyers come at their rate in each lane, and then the charges are waited for
 * and the promises audited. A guess for the button, and said to be one.
 */
export const estimateSeconds = (buyers: number, rate: number, lanes: number): number =>
  lanes * (buyers / rate + settlingSeconds);

/** What payments and the audit of one lane usually take. */
const settlingSeconds = 3;
