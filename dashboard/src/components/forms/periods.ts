import type { Option } from './filters';

const HOUR_MS = 3_600_000;

const lengths: Record<string, number> = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS };

export const periods: readonly Option[] = [
  { value: 'all', label: 'Any time' },
  { value: 'hour', label: 'Last hour' },
  { value: 'day', label: 'Last 24 hours' },
  { value: 'week', label: 'Last 7 days' },
];

/** The start of a period, rounded to the minute so that the same view keeps the same cache key; null for any time. */
export function startOfPeriod(period: string | null): string | null {
  const length = lengths[period ?? ''];
  if (length === undefined) return null;
  return new Date(Math.floor((Date.now() - length) / 60_000) * 60_000).toISOString();
}
