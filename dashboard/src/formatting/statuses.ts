/** Each status has a colour, a shape and a label, so that none of the three is needed alone. */

export type ShapeName =
  'done' | 'half' | 'pin' | 'clock' | 'back' | 'unknown' | 'declined' | 'stuck' | 'dead' | 'none';

export type Tone = 'ok' | 'accent' | 'warn' | 'bad' | 'unk' | 'grey';

export interface BadgeStyle {
  shape: ShapeName;
  tone: Tone;
  label: string;
}

export type StatusKind =
  'order' | 'reservation' | 'saga' | 'payment' | 'shipment' | 'refund' | 'deadLetter' | 'promise' | 'case';

const done = (label: string): BadgeStyle => ({ shape: 'done', tone: 'ok', label });
const under = (label: string): BadgeStyle => ({ shape: 'half', tone: 'accent', label });
const undone = (label: string): BadgeStyle => ({ shape: 'back', tone: 'grey', label });
const over = (label: string): BadgeStyle => ({ shape: 'none', tone: 'grey', label });
const trouble = (label: string): BadgeStyle => ({ shape: 'stuck', tone: 'bad', label });
const unknown = (label = 'Unknown'): BadgeStyle => ({ shape: 'unknown', tone: 'unk', label });

const badgeStyles: Record<StatusKind, Record<string, BadgeStyle>> = {
  order: {
    pending: under('Pending'),
    placed: done('Placed'),
    rejected: { shape: 'declined', tone: 'grey', label: 'Rejected' },
    cancelled: over('Cancelled'),
    refunded: undone('Refunded'),
  },
  reservation: {
    active: under('Active'),
    // Not an API status: an active reservation in its last minute.
    ending: { shape: 'clock', tone: 'warn', label: 'Active, ending' },
    pinned: { shape: 'pin', tone: 'accent', label: 'Pinned' },
    confirmed: done('Confirmed'),
    released: undone('Released'),
    expired: over('Expired'),
  },
  saga: {
    running: under('Running'),
    completed: done('Completed'),
    compensating: { shape: 'back', tone: 'warn', label: 'Compensating' },
    compensated: undone('Compensated'),
    stuck: trouble('Stuck'),
    waiting: { shape: 'clock', tone: 'warn', label: 'Waiting' },
  },
  payment: {
    none: over('None'),
    not_required: over('Not required'),
    authorizing: under('Authorizing'),
    processing: under('Processing'),
    requires_action: { shape: 'clock', tone: 'warn', label: 'Needs the buyer' },
    authorized: done('Authorized'),
    captured: done('Captured'),
    declined: { shape: 'declined', tone: 'bad', label: 'Declined' },
    unknown: unknown(),
    voided: undone('Voided'),
    refunding: { shape: 'back', tone: 'warn', label: 'Refunding' },
    refunded: undone('Refunded'),
    partially_refunded: undone('Partially refunded'),
    refund_failed: trouble('Refund failed'),
  },
  shipment: {
    pending: under('Waiting for the capture'),
    shipped: done('Shipped'),
    failed: trouble('Not shipped, capture declined'),
  },
  refund: {
    pending: { shape: 'back', tone: 'warn', label: 'Under way' },
    succeeded: undone('Refunded'),
    failed: trouble('Failed'),
  },
  deadLetter: { dead: { shape: 'dead', tone: 'bad', label: 'Dead letter' } },
  promise: { holds: done('Holds'), broken: trouble('Broken') },
  case: {
    stuck: trouble('Stuck'),
    unknown: unknown(),
    dead_letter: { shape: 'dead', tone: 'bad', label: 'Dead letter' },
    payment: trouble('Payment'),
    payment_task: trouble('Refund or capture'),
    webhook_endpoint_failing: trouble('Webhook endpoint'),
  },
};

/** A status that this build does not know is shown as it is, in grey. */
export function badgeStyle(kind: StatusKind, status: string): BadgeStyle {
  const word = status.replaceAll('_', ' ');
  return badgeStyles[kind][status] ?? over(capitalize(word));
}

export const capitalize = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
