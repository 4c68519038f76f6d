import type { Reservation } from '../../api/openapi';

/** The byte order mark: without it Excel assumes the computer's code page. */
const byteOrderMark = '\uFEFF';

/**
 * The rows as CSV: one line per SKU of a reservation, money in minor units, times in UTC. Each line has its own
 * amount, so that a column adds up.
 */
const heads = [
  'reservation',
  'status',
  'customer',
  'sku',
  'quantity',
  'unit_price_minor',
  'line_total_minor',
  'currency',
  'expires_at',
  'order',
  'fencing_token',
  'extensions',
  'end_reason',
];

export function csvOf(rows: readonly Reservation[]): string {
  const lines = rows.flatMap((row) =>
    row.lines.map(({ sku, quantity, unitPrice, fencingToken }) => [
      row.id,
      row.status,
      row.customerId,
      sku,
      quantity,
      unitPrice.amount,
      unitPrice.amount * quantity,
      unitPrice.currency,
      row.expiresAt,
      row.orderId ?? '',
      fencingToken,
      row.extensionsUsed,
      row.endReason ?? '',
    ]),
  );
  const text = [heads, ...lines].map((cells) => cells.map(cell).join(',')).join('\r\n');
  return `${byteOrderMark}${text}\r\n`;
}

/**
 * A customer id is the shop's own text. One that starts like a formula must not become one, even after spaces or with
 * a full-width sign, which spreadsheets treat alike.
 */
function cell(value: string | number): string {
  const text = String(value);
  const safe = typeof value === 'string' && /^\s*[=+\-@\t\r＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
