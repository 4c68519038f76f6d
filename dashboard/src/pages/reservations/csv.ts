import type { Reservation } from '../../api/shapes/reservations';

/** The rows as a spreadsheet reads them: one line for each SKU that a reservation holds, money in minor units. */
const heads = [
  'reservation',
  'status',
  'customer',
  'sku',
  'quantity',
  'total_minor',
  'currency',
  'expires_at',
  'order',
  'fencing_token',
  'extensions',
  'end_reason',
];

export function csvOf(rows: readonly Reservation[]): string {
  const lines = rows.flatMap((row) =>
    row.lines.map(({ sku, quantity, fencingToken }) => [
      row.id,
      row.status,
      row.customerId,
      sku,
      quantity,
      row.total.amount,
      row.total.currency,
      row.expiresAt,
      row.orderId ?? '',
      fencingToken,
      row.extensionsUsed,
      row.endReason ?? '',
    ]),
  );
  return [heads, ...lines].map((cells) => cells.map(cell).join(',')).join('\r\n');
}

/** A customer's id is the shop's own text: one that begins like a formula must not become one. */
function cell(value: string | number): string {
  const text = String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
