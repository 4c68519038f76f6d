import type { DueWork } from '../../src/background/due-work';
import { type Progress, standstill, standstillMs } from '../../src/background/standstill';

const now = 10 * standstillMs;
const ago = (times: number) => now - times * standstillMs;

const progress = (more: Partial<Progress>): Progress => ({
  lookedAt: now,
  dueSince: new Map(),
  doneAt: () => undefined,
  ...more,
});
const due = (since: number) => new Map<DueWork, number>([['drive sagas', since]]);

describe('standstill', () => {
  it.each<[string, Partial<Progress>]>([
    ['nothing is due, or it is another worker’s turn', { doneAt: () => ago(5) }],
    ['work became due a moment ago', { dueSince: due(ago(0.5)) }],
    ['work is always due, and rounds succeed', { dueSince: due(ago(5)), doneAt: () => ago(0.1) }],
    ['the last round succeeded after the work became due', { dueSince: due(ago(2)), doneAt: () => ago(1.9) }],
  ])('is none when %s', (_, more) => {
    expect(standstill(progress(more), now)).toEqual([]);
  });

  it.each<[string, Partial<Progress>, RegExp]>([
    ['no round ever succeeded', { dueSince: due(ago(2)) }, /^drive sagas: due for 120 s/],
    ['no round has succeeded since', { dueSince: due(ago(2)), doneAt: () => ago(3) }, /^drive sagas: due/],
    ['it has not looked for work', { lookedAt: ago(1.5) }, /^it has not looked for due work for 90 s/],
  ])('is reported when %s', (_, more, line) => {
    expect(standstill(progress(more), now)).toEqual([expect.stringMatching(line)]);
  });
});
