import { duePeriod } from '../../src/reconciliation/nightly-reconciliation';

const at = (text: string) => new Date(`2026-11-${text}Z`);
const installedAt = at('01T12:00:00');
const failed = (to: string, endedAt: string) => ({
  to: at(to),
  status: 'failed' as const,
  endedAt: at(endedAt),
});

describe('the period of the nightly reconciliation', () => {
  it.each([
    ['an hour after the hour, the first time', { now: '20T04:00:00' }, ['19T03:00:00', '20T03:00:00']],
    ['at the hour', { now: '20T03:00:00', done: '19T03:00:00' }, ['19T03:00:00', '20T03:00:00']],
    ['a moment before the hour', { now: '20T02:59:59', done: '19T03:00:00' }, undefined],
    [
      'a moment before the hour, when the last night is missing',
      { now: '20T02:59:59', done: '18T03:00:00' },
      ['18T03:00:00', '19T03:00:00'],
    ],
    ['later on the same day', { now: '20T23:00:00', done: '20T03:00:00' }, undefined],
    [
      'after three nights without a worker',
      { now: '20T04:00:00', done: '17T03:00:00' },
      ['17T03:00:00', '20T03:00:00'],
    ],
  ])('is right %s', (_, { now, done }: { now: string; done?: string }, period) => {
    const found = duePeriod({
      now: at(now),
      hour: 3,
      installedAt,
      done: done === undefined ? undefined : { to: at(done) },
      last: undefined,
    });
    expect(found).toEqual(period && { from: at(period[0]!), to: at(period[1]!) });
  });

  it('is none before the first such hour after the installation', () => {
    const past = { hour: 3, installedAt, done: undefined, last: undefined };
    expect(duePeriod({ ...past, now: at('01T23:00:00') })).toBeUndefined();
    expect(duePeriod({ ...past, now: at('02T03:00:00') })).toBeDefined();
  });

  it('is tried again a quarter of an hour after a failure, not sooner', () => {
    const past = { hour: 3, installedAt, done: undefined, last: failed('20T03:00:00', '20T03:10:00') };
    expect(duePeriod({ ...past, now: at('20T03:24:59') })).toBeUndefined();
    expect(duePeriod({ ...past, now: at('20T03:25:00') })).toBeDefined();
  });

  it('is not put off by the failure of an earlier night', () => {
    const last = failed('19T03:00:00', '20T02:59:00');
    expect(duePeriod({ now: at('20T03:00:00'), hour: 3, installedAt, done: undefined, last })).toBeDefined();
  });
});
