import type { AdminWebhookEndpoint } from '../../api/openapi';
import type { BadgeStyle } from '../../formatting/statuses';

const disabled: Record<string, BadgeStyle> = {
  gone: { shape: 'dead', tone: 'bad', label: 'Disabled: it answered 410' },
  failing: { shape: 'stuck', tone: 'bad', label: 'Disabled: it only failed' },
  by_owner: { shape: 'none', tone: 'grey', label: 'Disabled by its shop' },
  by_operator: { shape: 'none', tone: 'grey', label: 'Disabled by an operator' },
};

/** How an endpoint is, in one word or with why it is disabled. */
export function badgeOf({
  status,
  disabledReason,
  probed,
  failures,
}: Pick<AdminWebhookEndpoint, 'status' | 'disabledReason' | 'probed' | 'failures'>): BadgeStyle {
  if (status === 'disabled') return disabled[disabledReason ?? 'by_owner']!;
  if (probed) return { shape: 'stuck', tone: 'bad', label: 'Only fails: probed' };
  if (failures > 0) return { shape: 'half', tone: 'warn', label: `${failures} failed in a row` };
  return { shape: 'done', tone: 'ok', label: 'Enabled' };
}

const errors: Record<string, string> = {
  timeout: 'no answer in time',
  address_not_allowed: 'its address is private',
  name_not_found: 'its name was not found',
  connection_refused: 'the connection was refused',
  tls_failed: 'no trusted certificate',
  connection_failed: 'the connection broke',
};

/** What came of a try, in words. */
export function failureOf({
  responseStatus,
  error,
}: {
  responseStatus: number | null;
  error: string | null;
}): string {
  if (error !== null) return errors[error] ?? error;
  return responseStatus === null ? 'not tried yet' : `answered ${responseStatus}`;
}
