import { unusualCurrencies } from './currencies';
import { formatCount, NNBSP } from './numbers';

/** In minor units: 1999 EUR is € 19.99, 499000 HUF is Ft 4990.00, 980 JPY is ¥ 980. */
export interface Amount {
  amount: number;
  currency: string;
}

/** The number of decimals at which the currency is charged, which `Intl` does not know. */
export function minorDigits(currency: string): number {
  return unusualCurrencies[currency]?.decimals ?? 2;
}

/** "€ 1 284.50". */
export function formatMoney({ amount, currency }: Amount): string {
  const digits = minorDigits(currency);
  const minor = Math.abs(amount);
  const scale = 10 ** digits;
  const rest = digits === 0 ? '' : `.${String(minor % scale).padStart(digits, '0')}`;
  const sign = amount < 0 ? '−' : '';
  return `${sign}${symbolOf(currency)}${NNBSP}${formatCount(Math.floor(minor / scale))}${rest}`;
}

/** An amount as one types it: "1284.50". */
export function typedMoney({ amount, currency }: Amount): string {
  const digits = minorDigits(currency);
  return (amount / 10 ** digits).toFixed(digits);
}

/** "12.50", or what can be charged in this currency. */
export const typedExample = (currency: string): string =>
  typedMoney({ amount: 1_250 * (unusualCurrencies[currency]?.multiple ?? 1), currency });

/** Parses typed text to minor units; null when it is no amount that can be charged in this currency. */
export function parseMoney(text: string, currency: string): number | null {
  const digits = minorDigits(currency);
  const plain = text.replaceAll(/[\s\u202f\u00a0]/g, '').replace(',', '.');
  const match = /^(\d+)(?:\.(\d+))?$/.exec(plain);
  if (!match || (match[2]?.length ?? 0) > digits) return null;
  const value = Number(match[1]! + (match[2] ?? '').padEnd(digits, '0'));
  const isChargeable = value % (unusualCurrencies[currency]?.multiple ?? 1) === 0;
  return Number.isSafeInteger(value) && isChargeable ? value : null;
}

/** One amount per currency; different currencies are never added up. */
export function formatMoneyList(amounts: readonly Amount[]): string {
  return amounts.map(formatMoney).join(' + ');
}

function symbolOf(currency: string): string {
  const part = formatOf(currency)
    ?.formatToParts(0)
    .find(({ type }) => type === 'currency');
  return part?.value ?? currency;
}

const formats = new Map<string, Intl.NumberFormat | null>();

/** Null for an unknown currency code, which is then written as it is. */
function formatOf(currency: string): Intl.NumberFormat | null {
  if (!formats.has(currency)) {
    try {
      const options = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' } as const;
      formats.set(currency, new Intl.NumberFormat('en', options));
    } catch {
      formats.set(currency, null);
    }
  }
  return formats.get(currency) ?? null;
}
