import { type Money, decimalsOf } from '../../money';

/** Numbers as text: amounts with the decimals at which they are charged, durations in a fitting unit. */

const narrowSpace = '\u202f';

/** `€ 1 284.50`, `¥ 980`. */
export function formatMoney({ amount, currency }: Money): string {
  const decimals = decimalsOf(currency);
  const format = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  const parts = format.formatToParts(amount / 10 ** decimals);
  const symbol = parts.find(({ type }) => type === 'currency')?.value ?? currency;
  const number = parts
    .filter(({ type }) => type !== 'currency' && type !== 'literal')
    .map(({ type, value }) => (type === 'group' ? narrowSpace : value))
    .join('');
  return `${symbol}${narrowSpace}${number}`;
}

/** `2 units of drop-042`; of several products, `5 units`. */
export function formatUnits(lines: readonly { sku: string; quantity: number }[]): string {
  const units = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const named = lines.length === 1 ? ` of ${lines[0]!.sku}` : '';
  return `${units === 1 ? '1 unit' : `${units} units`}${named}`;
}

/** `212 ms`, `24.8 s`, `2 min 32 s`, `1 h 5 min`, as in the dashboard (`test/unit/dashboard-formatting.spec.ts`). */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${ms < 9.95 && ms % 1 !== 0 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  if (days > 0) return days === 1 ? '1 day' : `${days} days`;
  if (hours > 0) return twoUnits(`${hours} h`, minutes % 60, 'min');
  return twoUnits(`${minutes} min`, seconds % 60, 's');
}

const twoUnits = (first: string, rest: number, unit: string) =>
  rest === 0 ? first : `${first} ${rest} ${unit}`;

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth'];

/** `first`, `second`, … `12th`. */
export const ordinal = (nth: number): string => ordinals[nth - 1] ?? `${nth}th`;

/** `once`, `twice`, `12 times`. */
export const formatTimes = (count: number): string =>
  count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`;

export const capitalized = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** `a`, `a and b`, `a, b and c`. */
export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;

/** Names of operations in sentences. */
export const operationNames = {
  authorize: 'authorization',
  charge: 'charge',
  capture: 'capture',
  void: 'void',
  refund: 'refund',
} as const;
