import { retryDelay } from '../../dashboard/src/api/connection';
import { age, away, duration, fineDuration, left } from '../../dashboard/src/words/durations';
import { pageOf, shortId } from '../../dashboard/src/words/ids';
import { minorFrom, money } from '../../dashboard/src/words/money';
import { count, percent, plural, rate, short, signed, upTo } from '../../dashboard/src/words/numbers';
import { durationWords } from '../../src/reporting/order-timeline/formatting';
import { lookOf } from '../../dashboard/src/words/statuses';

/** Spaces that do not break, narrow or not, as ones that can be read here. */
const plain = (text: string): string => text.replaceAll(/[\u202f\u00a0]/g, ' ');

describe('the dashboard writes', () => {
  it.each([
    [count(999), '999'],
    [count(1000), '1 000'],
    [count(2_981_204), '2 981 204'],
    [count(-12), '−12'],
    [rate(176.4), '176 /s'],
    [rate(3.26), '3.3 /s'],
    [rate(0), '0 /s'],
    [percent(0.004), '0.4 %'],
    [percent(0.44), '44 %'],
    [plural(1, 'unit'), '1 unit'],
    [plural(1204, 'unit'), '1 204 units'],
    [upTo(9_999), '9 999'],
    [upTo(10_000), '10 000+'],
    [short(999), '999'],
    [short(1_520), '1.5k'],
    [short(12_408), '12k'],
    [signed(1_500), '+1 500'],
    [signed(-12), '−12'],
  ])('numbers: %s', (written, expected) => {
    expect(plain(written)).toBe(expected);
  });

  it.each([
    [{ amount: 128_450, currency: 'EUR' }, '€ 1 284.50'],
    [{ amount: 5, currency: 'EUR' }, '€ 0.05'],
    [{ amount: 980, currency: 'JPY' }, '¥ 980'],
    [{ amount: 1_234_567, currency: 'KWD' }, 'KWD 1 234.567'],
    [{ amount: -1999, currency: 'USD' }, '−$ 19.99'],
    [{ amount: 1999, currency: 'no such' }, 'no such 19.99'],
  ])('money in its currency’s own decimals: %j → %s', (amount, expected) => {
    expect(plain(money(amount))).toBe(expected);
  });

  it.each([
    ['1 284.50', 'EUR', 128_450],
    ['1284,5', 'EUR', 128_450],
    ['980', 'JPY', 980],
    ['980.5', 'JPY', null],
    ['12.345', 'EUR', null],
    ['', 'EUR', null],
    ['free', 'EUR', null],
  ])('what was typed as money back into minor units: %j %s → %s', (text, currency, expected) => {
    expect(minorFrom(text, currency)).toBe(expected);
  });

  it.each([
    [duration(212), '212 ms'],
    [duration(2.4), '2.4 ms'],
    [duration(24_800), '24.8 s'],
    [duration(14 * 60_000), '14 min'],
    [duration(152_000), '2 min 32 s'],
    [fineDuration(152_000), '2 min 32 s'],
    [duration(59_970), '1 min'],
    [duration(125 * 60_000), '2 h 5 min'],
    [duration(120 * 60_000), '2 h'],
    [duration(3 * 86_400_000), '3 days'],
    [fineDuration(24_130), '24.13 s'],
    [age(0.42), '0.4 s'],
    [age(72), '1 min'],
    [away(72), '1 min 12 s'],
    [away(8), '8 s'],
    [left(59.2), '1:00'],
    [left(18), '0:18'],
    [left(3_725), '1:02:05'],
    [left(-4), '0:00'],
  ])('durations: %s', (written, expected) => {
    expect(plain(written)).toBe(expected);
  });

  it('durations as the service writes them in the story of an order', () => {
    const some = [0.4, 2.4, 12, 212, 999.4, 1_000, 24_800, 59_940, 59_960, 60_000, 62_300, 152_000, 600_000];
    const long = [3_599_400, 3_599_600, 3_600_000, 3_930_000, 7_500_000, 86_399_000, 86_400_000, 260_000_000];
    for (const ms of [...some, ...long]) expect([ms, plain(duration(ms))]).toEqual([ms, durationWords(ms)]);
    expect(durationWords(152_000)).toBe('2 min 32 s');
  });

  it('ids by their prefix and their last four letters, and whole where they are short', () => {
    expect(shortId('ord_01k9h3v5r8e7ya2m0q4wzth7k2')).toBe('ord_…h7k2');
    expect(shortId('drop-042')).toBe('drop-042');
    expect(pageOf('rsv_01k9h3v5r8e7ya2m0q4wzth7k2')).toBe('/reservations/rsv_01k9h3v5r8e7ya2m0q4wzth7k2');
    expect(pageOf('drop-042')).toBeNull();
  });

  it('an unknown payment like nothing else', () => {
    const kinds = {
      order: ['pending', 'placed', 'rejected', 'cancelled', 'refunded'],
      reservation: ['active', 'ending', 'pinned', 'confirmed', 'released', 'expired'],
      saga: ['running', 'completed', 'compensating', 'compensated', 'stuck'],
      payment: ['none', 'authorizing', 'authorized', 'captured', 'declined', 'voided', 'refunded'],
    } as const;
    const unknown = lookOf('payment', 'unknown');
    expect(unknown).toEqual({ shape: 'unknown', tone: 'unk', word: 'Unknown' });
    for (const [kind, statuses] of Object.entries(kinds)) {
      for (const status of statuses) {
        const look = lookOf(kind as keyof typeof kinds, status);
        expect([look.shape, look.tone]).not.toEqual(expect.arrayContaining(['unknown']));
        expect(look.tone).not.toBe('unk');
      }
    }
  });
});

describe('a stream that broke', () => {
  it('is tried again after 1, 2, 5, 10, then every 15 s, a fifth more or less', () => {
    const middle = [0, 1, 2, 3, 4, 5, 50].map((failures) => retryDelay(failures, 0.5));
    expect(middle).toEqual([1000, 2000, 5000, 10_000, 15_000, 15_000, 15_000]);
    expect(retryDelay(0, 0)).toBe(800);
    expect(retryDelay(0, 1)).toBeCloseTo(1200);
  });
});
