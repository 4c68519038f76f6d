import type { Reservation } from '../../api/shapes/reservations';

/** Without it Excel takes the file for the computer's own code page. */
const byteOrderMark = '\uFEFF';

/**
 * The rows as a spreadsheet reads them: one line for each SKU that a reservation holds, money in minor units, times in UTC.
 * The money is each line's own, so that a column adds up to what the reservations come to.
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
 * A customer's id is the shop's own text: one that begins like a formula must not become one, also where spaces come first
 * or the sign is a full-width one, which spreadsheets read alike.
 */
function cell(value: string | number): string {
  const text = String(value);
  const safe = typeof value === 'string' && /^\s*[=+\-@\t\r＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
