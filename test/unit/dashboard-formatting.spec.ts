import { retryDelay } from '../../dashboard/src/api/connection';
import {
  formatAge,
  formatDuration,
  formatFineDuration,
  formatTimeLeft,
  formatWholeSeconds,
} from '../../dashboard/src/formatting/durations';
import { hrefOfId, shortId } from '../../dashboard/src/formatting/ids';
import { formatMoney, parseMoney, typedExample } from '../../dashboard/src/formatting/money';
import {
  formatCount,
  formatPercent,
  formatRate,
  formatShort,
  formatSigned,
  formatUpTo,
  plural,
} from '../../dashboard/src/formatting/numbers';
import { badgeStyle } from '../../dashboard/src/formatting/statuses';
import { operationBadge, refusalOf } from '../../dashboard/src/pages/orders/payment-operation';
import { paymentStatuses } from '../../src/payment/payment-status';
import { formatDuration as serverDuration } from '../../src/reporting/order-timeline/formatting';

/** Replaces no-break spaces by plain ones. */
const plain = (text: string): string => text.replaceAll(/[\u202f\u00a0]/g, ' ');

describe('dashboard formatting', () => {
  it.each([
    [formatCount(999), '999'],
    [formatCount(1000), '1 000'],
    [formatCount(2_981_204), '2 981 204'],
    [formatCount(-12), '−12'],
    [formatRate(176.4), '176 /s'],
    [formatRate(3.26), '3.3 /s'],
    [formatRate(0), '0 /s'],
    [formatPercent(0.004), '0.4 %'],
    [formatPercent(0.44), '44 %'],
    [plural(1, 'unit'), '1 unit'],
    [plural(1204, 'unit'), '1 204 units'],
    [formatUpTo(9_999), '9 999'],
    [formatUpTo(10_000), '10 000+'],
    [formatShort(999), '999'],
    [formatShort(1_520), '1.5k'],
    [formatShort(12_408), '12k'],
    [formatSigned(1_500), '+1 500'],
    [formatSigned(-12), '−12'],
  ])('formats numbers: %s', (written, expected) => {
    expect(plain(written)).toBe(expected);
  });

  it.each([
    [{ amount: 128_450, currency: 'EUR' }, '€ 1 284.50'],
    [{ amount: 5, currency: 'EUR' }, '€ 0.05'],
    [{ amount: 980, currency: 'JPY' }, '¥ 980'],
    [{ amount: 1_234_567, currency: 'KWD' }, 'KWD 1 234.567'],
    [{ amount: 499_000, currency: 'HUF' }, 'Ft 4 990.00'],
    [{ amount: 500_000, currency: 'ISK' }, 'kr 5 000.00'],
    [{ amount: 500_000, currency: 'UGX' }, 'UGX 5 000.00'],
    [{ amount: 5_000_050, currency: 'IDR' }, 'Rp 50 000.50'],
    [{ amount: 990_000, currency: 'COP' }, '$ 9 900.00'],
    [{ amount: 150_000, currency: 'PKR' }, 'Rs 1 500.00'],
    [{ amount: -1999, currency: 'USD' }, '−$ 19.99'],
    [{ amount: 1999, currency: 'no such' }, 'no such 19.99'],
  ])('P14: formats money with the decimals at which it is charged: %j → %s', (amount, expected) => {
    expect(plain(formatMoney(amount))).toBe(expected);
  });

  it.each([
    ['1 284.50', 'EUR', 128_450],
    ['1284,5', 'EUR', 128_450],
    ['980', 'JPY', 980],
    ['980.5', 'JPY', null],
    ['4990', 'HUF', 499_000],
    ['4990.50', 'HUF', 499_050],
    ['5000', 'ISK', 500_000],
    ['5000.00', 'UGX', 500_000],
    ['50000', 'IDR', 5_000_000],
    ['9900', 'COP', 990_000],
    ['1500', 'PKR', 150_000],
    ['5.12', 'KWD', 5_120],
    ['5.120', 'KWD', 5_120],
    ['12.345', 'EUR', null],
    ['', 'EUR', null],
    ['free', 'EUR', null],
  ])(
    'P14: parses typed money to the minor units that are charged: %j %s → %s',
    (text, currency, expected) => {
      expect(parseMoney(text, currency)).toBe(expected);
    },
  );

  it.each([
    ['4990.50', 'ISK'],
    ['4990.05', 'UGX'],
    ['5.125', 'KWD'],
  ])('P15: refuses typed money that cannot be charged: %j %s', (text, currency) => {
    expect(parseMoney(text, currency)).toBeNull();
  });

  it.each([
    ['EUR', '12.50'],
    ['JPY', '1250'],
    ['ISK', '1250.00'],
    ['KWD', '12.500'],
  ])('P15: has an example of typed money in %s', (currency, expected) => {
    expect(typedExample(currency)).toBe(expected);
    expect(parseMoney(typedExample(currency), currency)).toBeGreaterThan(0);
  });

  it.each([
    [formatDuration(212), '212 ms'],
    [formatDuration(2.4), '2.4 ms'],
    [formatDuration(24_800), '24.8 s'],
    [formatDuration(14 * 60_000), '14 min'],
    [formatDuration(152_000), '2 min 32 s'],
    [formatFineDuration(152_000), '2 min 32 s'],
    [formatDuration(59_970), '1 min'],
    [formatDuration(125 * 60_000), '2 h 5 min'],
    [formatDuration(120 * 60_000), '2 h'],
    [formatDuration(3 * 86_400_000), '3 days'],
    [formatFineDuration(24_130), '24.13 s'],
    [formatAge(0.42), '0.4 s'],
    [formatAge(72), '1 min'],
    [formatWholeSeconds(72), '1 min 12 s'],
    [formatWholeSeconds(8), '8 s'],
    [formatTimeLeft(59.2), '1:00'],
    [formatTimeLeft(18), '0:18'],
    [formatTimeLeft(3_725), '1:02:05'],
    [formatTimeLeft(-4), '0:00'],
  ])('formats durations: %s', (written, expected) => {
    expect(plain(written)).toBe(expected);
  });

  it("formats durations like the service does in an order's story", () => {
    const some = [0.4, 2.4, 12, 212, 999.4, 1_000, 24_800, 59_940, 59_960, 60_000, 62_300, 152_000, 600_000];
    const long = [3_599_400, 3_599_600, 3_600_000, 3_930_000, 7_500_000, 86_399_000, 86_400_000, 260_000_000];
    for (const ms of [...some, ...long])
      expect([ms, plain(formatDuration(ms))]).toEqual([ms, serverDuration(ms)]);
    expect(serverDuration(152_000)).toBe('2 min 32 s');
  });

  it('shortens ids to prefix and last four characters, and keeps short ones', () => {
    expect(shortId('ord_01k9h3v5r8e06a2m0q4wzth7k2')).toBe('ord_…h7k2');
    expect(shortId('drop-042')).toBe('drop-042');
    expect(hrefOfId('rsv_01k9h3v5r8e06a2m0q4wzth7k2')).toBe('/reservations/rsv_01k9h3v5r8e06a2m0q4wzth7k2');
    expect(hrefOfId('drop-042')).toBeNull();
  });

  it('gives an unknown payment a badge style that no other status has', () => {
    const kinds = {
      order: ['pending', 'placed', 'rejected', 'cancelled', 'refunded'],
      reservation: ['active', 'ending', 'pinned', 'confirmed', 'released', 'expired'],
      saga: ['running', 'completed', 'compensating', 'compensated', 'stuck'],
      payment: paymentStatuses.filter((status) => status !== 'unknown'),
    } as const;
    const unknown = badgeStyle('payment', 'unknown');
    expect(unknown).toEqual({ shape: 'unknown', tone: 'unk', label: 'Unknown' });
    for (const [kind, statuses] of Object.entries(kinds)) {
      for (const status of statuses) {
        const look = badgeStyle(kind as keyof typeof kinds, status);
        expect([look.shape, look.tone]).not.toEqual(expect.arrayContaining(['unknown']));
        expect(look.tone).not.toBe('unk');
      }
    }
  });

  it('has a label for every payment status, and shows a pending refund not as done', () => {
    const unstyled = badgeStyle('payment', 'a_status_of_tomorrow');
    expect(unstyled.label).toBe('A status of tomorrow');
    // Grey on purpose: there is no payment to look at.
    for (const status of paymentStatuses.filter((one) => one !== 'none' && one !== 'not_required'))
      expect([status, badgeStyle('payment', status)]).not.toEqual([
        status,
        { ...unstyled, label: expect.anything() },
      ]);
    expect(badgeStyle('payment', 'refunding')).toMatchObject({ label: 'Refunding', tone: 'warn' });
    expect(badgeStyle('payment', 'refund_failed')).toMatchObject({ label: 'Refund failed', tone: 'bad' });
  });

  it("shows the provider's code and request id of an operation whose last call was refused, until the next result", () => {
    const operation = { id: 'pay_1', kind: 'capture' } as const;
    const refused = {
      cause: 'blocked',
      code: 'request_refused',
      data: {
        operation: 'capture',
        operationId: 'pay_1',
        providerCode: 'parameter_unknown',
        requestId: 'req_1',
      },
    } as const;
    const asked = { cause: 'asked', code: 'payment_requested', data: { operation: 'capture' } } as const;
    expect(refusalOf(operation, [refused, asked])).toMatchObject({
      providerCode: 'parameter_unknown',
      requestId: 'req_1',
    });
    const done = { cause: 'done', code: 'payment_captured', data: refused.data } as const;
    expect(refusalOf(operation, [refused, asked, done])).toBeNull();
    expect(refusalOf({ id: 'pay_2', kind: 'capture' }, [refused])).toBeNull();
  });

  it('labels a failed operation and a replaced one differently, and an authorization in part', () => {
    const of = (more: Partial<Parameters<typeof operationBadge>[0]>) =>
      operationBadge({
        id: 'pay_1',
        kind: 'refund',
        status: 'failed',
        waitsFor: null,
        failureReason: null,
        declineCode: null,
        ...more,
      }).label;
    expect(of({ failureReason: 'declined' })).toBe('Failed');
    expect(of({})).toBe('Nothing done');
    expect(of({ status: 'pending', waitsFor: 'provider' })).toBe('Accepted');
    expect(of({ kind: 'authorize', status: 'pending', waitsFor: 'provider' })).toBe('Processing');
    expect(of({ kind: 'authorize', status: 'pending', waitsFor: 'buyer' })).toBe('Needs the buyer');
    expect(of({ kind: 'authorize', status: 'approved', declineCode: 'partial_authorization' })).toBe(
      'Done in part',
    );
  });
});

describe('stream reconnect delay', () => {
  it('is 1, 2, 5, 10, then 15 s, plus or minus a fifth', () => {
    const middle = [0, 1, 2, 3, 4, 5, 50].map((failures) => retryDelay(failures, 0.5));
    expect(middle).toEqual([1000, 2000, 5000, 10_000, 15_000, 15_000, 15_000]);
    expect(retryDelay(0, 0)).toBe(800);
    expect(retryDelay(0, 1)).toBeCloseTo(1200);
  });
});
