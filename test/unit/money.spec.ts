import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { currencies, decimalsOf, inMajorUnits } from '../../src/money';
import { formatMoney } from '../../src/reporting/order-timeline/formatting';
import { root } from '../support/child';

const generated = join(root, 'dashboard/src/formatting/currencies.ts');

/** The exceptions alone: every other currency has two decimals and any amount. */
function dashboardTable(): string {
  const rows = [...currencies]
    .filter(([, { decimals, multiple }]) => decimals !== 2 || multiple !== 1)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(
      ([code, { decimals, multiple }]) => `  ${code}: { decimals: ${decimals}, multiple: ${multiple} },\n`,
    );
  return `// Generated from src/money.ts by \`npm run currencies\`. Do not edit.

/** Currencies without the usual two decimals, or of which the provider takes only multiples (in minor units). */
export const unusualCurrencies: Readonly<Record<string, { decimals: number; multiple: number }>> = {
${rows.join('')}};
`;
}

const codesWith = (decimals: number) =>
  [...currencies].filter(([, currency]) => currency.decimals === decimals).map(([code]) => code);

describe('the table of currencies', () => {
  it('P14: has Stripe’s decimals, not those of Intl', () => {
    expect(codesWith(0).sort().join(' ')).toBe('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF');
    expect(codesWith(3).sort().join(' ')).toBe('BHD JOD KWD OMR TND');
    for (const code of ['ISK', 'UGX', 'HUF', 'TWD', 'IDR', 'COP', 'PKR', 'EUR', 'USD'])
      expect([code, decimalsOf(code)]).toEqual([code, 2]);
    expect(currencies.size).toBe(140);
    expect([...currencies.keys()].every((code) => /^[A-Z]{3}$/.test(code))).toBe(true);
  });

  it('P15: takes whole ISK and UGX, and tens of the currencies with three decimals', () => {
    const withMultiple = (multiple: number) =>
      [...currencies].filter(([, one]) => one.multiple === multiple).map(([code]) => code);
    expect(withMultiple(100).sort()).toEqual(['ISK', 'UGX']);
    expect(withMultiple(10)).toEqual(codesWith(3));
    expect(withMultiple(1)).toHaveLength(currencies.size - 7);
  });

  it('P16: has a smallest and a largest charge for every currency, both of them chargeable', () => {
    for (const [code, { minimum, maximum, multiple }] of currencies) {
      expect([code, minimum % multiple, maximum % multiple]).toEqual([code, 0, 0]);
      expect([code, minimum > 0 && minimum < maximum, Number.isSafeInteger(maximum)]).toEqual([
        code,
        true,
        true,
      ]);
    }
    const limitsOf = (code: string) => [currencies.get(code)!.minimum, currencies.get(code)!.maximum];
    expect(limitsOf('USD')).toEqual([50, 99_999_999]);
    expect(limitsOf('GBP')).toEqual([30, 99_999_999]);
    expect(limitsOf('HUF')).toEqual([17_500, 9_999_999_999]);
    expect(limitsOf('IDR')).toEqual([50, 999_999_999_999]);
    expect(limitsOf('ISK')).toEqual([100, 99_999_900]);
    expect(limitsOf('KWD')).toEqual([10, 99_999_990]);
  });

  it('P14: is what the dashboard’s table is generated from', () => {
    if (process.env['HOLDFAST_TEST_WRITE_CURRENCIES']) writeFileSync(generated, dashboardTable());
    const isCurrent = readFileSync(generated, 'utf8') === dashboardTable();
    expect(isCurrent ? '' : 'npm run currencies rewrites it').toBe('');
  });
});

describe('inMajorUnits', () => {
  it.each([
    [10, 'EUR', '0.10 EUR'],
    [0, 'EUR', '0.00 EUR'],
    [499_000, 'HUF', '4990.00 HUF'],
    [980, 'JPY', '980 JPY'],
    [5, 'KWD', '0.005 KWD'],
    [1_234_560, 'KWD', '1234.560 KWD'],
  ])('P14: writes %d %s with the decimals of its currency', (amount, currency, expected) => {
    expect(inMajorUnits({ amount, currency })).toBe(expected);
  });
});

describe('an order’s story', () => {
  it.each([
    [499_000, 'HUF', 'Ft 4 990.00'],
    [500, 'ISK', 'kr 5.00'],
    [500_000, 'UGX', 'UGX 5 000.00'],
    [5_000_050, 'IDR', 'Rp 50 000.50'],
    [990_000, 'COP', '$ 9 900.00'],
    [150_000, 'PKR', 'Rs 1 500.00'],
    [980, 'JPY', '¥ 980'],
    [1_234_560, 'KWD', 'KWD 1 234.560'],
  ])('P14: shows %d minor units of %s as they are charged', (amount, currency, expected) => {
    expect(formatMoney({ amount, currency }).replaceAll('\u202f', ' ')).toBe(expected);
  });
});
