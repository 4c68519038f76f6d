/** Numbers as sentences say them: amounts with their currency's own decimals, durations in the unit that fits. */

const narrowSpace = '\u202f';

/** `€ 1 284.50`, `¥ 980`: the symbol first, thousands apart, and no currency is ever added to another. */
export function moneyWords({ amount, currency }: { amount: number; currency: string }): string {
  const format = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
  });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  const parts = format.formatToParts(amount / 10 ** digits);
  const symbol = parts.find(({ type }) => type === 'currency')?.value ?? currency;
  const number = parts
    .filter(({ type }) => type !== 'currency' && type !== 'literal')
    .map(({ type, value }) => (type === 'group' ? narrowSpace : value))
    .join('');
  return `${symbol}${narrowSpace}${number}`;
}

/** `2 units of drop-042`; several products are counted together. */
export function unitWords(lines: readonly { sku: string; quantity: number }[]): string {
  const units = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const named = lines.length === 1 ? ` of ${lines[0]!.sku}` : '';
  return `${units === 1 ? '1 unit' : `${units} units`}${named}`;
}

export function durationWords(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth'];

/** `first`, `second`, … `12th`. */
export const ordinal = (nth: number): string => ordinals[nth - 1] ?? `${nth}th`;

/** `once`, `twice`, `12 times`. */
export const timesWords = (count: number): string =>
  count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`;

export const capitalized = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** `a`, `a and b`, `a, b and c`. */
export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;

/** What an operation is called when it is spoken of. */
export const operationWords = {
  authorize: 'authorization',
  capture: 'capture',
  void: 'void',
  refund: 'refund',
} as const;
