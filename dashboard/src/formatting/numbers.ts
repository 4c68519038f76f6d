/** Number formats of the dashboard: grouped by a narrow no-break space. */

/** Between groups of digits, and between a currency sign and its amount. */
export const NNBSP = '\u202f';
/** Between a number and its unit. */
export const NBSP = '\u00a0';
/** A minus sign as wide as the digits. */
const MINUS = '−';

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0, useGrouping: 'always' });

/** "12 408". */
export function formatCount(value: number): string {
  const text = grouped.format(Math.abs(Math.round(value))).replaceAll(',', NNBSP);
  return Math.round(value) < 0 ? `${MINUS}${text}` : text;
}

/** Whole from ten on, one decimal below: measurements are no more exact than that. */
export function formatDecimal(value: number): string {
  const whole = Math.abs(value) >= 9.95 || Math.abs(value) < 0.05;
  return whole ? formatCount(value) : value.toFixed(1).replace('-', MINUS);
}

/** "176 /s". */
export function formatRate(perSecond: number): string {
  return `${formatDecimal(perSecond)}${NBSP}/s`;
}

/** "0.4 %", of a share from 0 to 1. */
export function formatPercent(share: number): string {
  return `${formatDecimal(share * 100)}${NBSP}%`;
}

/** "4 units", "1 unit". */
export function plural(value: number, one: string, many?: string): string {
  return `${formatCount(value)} ${noun(value, one, many)}`;
}

/** The noun alone, where the number is formatted differently. */
export function noun(value: number, one: string, many = `${one}s`): string {
  return value === 1 ? one : many;
}

/** The server stops counting at the cap, so "+" says that there may be more. */
export function formatUpTo(value: number, cap = 10_000): string {
  return value >= cap ? `${formatCount(cap)}+` : formatCount(value);
}

/** "1.5k", for the navigation, where only four characters fit. */
export function formatShort(value: number): string {
  if (value < 1000) return String(value);
  if (value < 9950) return `${(value / 1000).toFixed(1).replace('.0', '')}k`;
  if (value < 999_500) return `${Math.round(value / 1000)}k`;
  return `${(value / 1_000_000).toFixed(1).replace('.0', '')}M`;
}

/** "+12", "−12": a change, not an amount. */
export function formatSigned(value: number): string {
  return value > 0 ? `+${formatCount(value)}` : formatCount(value);
}
