import type { ReleaseFilter, ReservationStatus } from '../../api/openapi';

/** The view that the URL asks for. */
export interface ReservationView {
  statuses: ReservationStatus[];
  sku: string | null;
  customerId: string | null;
  /** Only active ones that end within this many seconds. */
  endingWithin: string | null;
}

interface AddressFilters {
  get: (name: string) => string | null;
  all: (name: string) => string[];
}

export const allStatuses: readonly ReservationStatus[] = [
  'active',
  'pinned',
  'confirmed',
  'released',
  'expired',
];
const live: readonly ReservationStatus[] = ['active', 'pinned'];

/** All of a customer's reservations, most of which have ended. */
export const hrefOfCustomer = (customerId: string) =>
  `/reservations?customerId=${encodeURIComponent(customerId)}&status=${allStatuses.join(',')}`;

/** Without a status in the URL: those that still hold stock. */
export function viewOf(filters: AddressFilters): ReservationView {
  const statuses = allStatuses.filter((status) => filters.all('status').includes(status));
  const endingWithin = filters.get('expiringWithinSeconds');
  return {
    statuses: endingWithin ? ['active'] : statuses.length > 0 ? statuses : [...live],
    sku: filters.get('sku'),
    customerId: filters.get('customerId'),
    endingWithin,
  };
}

export const isLiveOnly = ({ statuses }: ReservationView) =>
  statuses.every((status) => live.includes(status));

/** The list's query, which is also the name of its stream topic. Live ones are sorted by soonest end. */
export function queryOf(view: ReservationView): string {
  const query = new URLSearchParams();
  if (view.endingWithin) query.set('expiringWithinSeconds', view.endingWithin);
  else query.set('status', view.statuses.join(','));
  if (view.sku) query.set('sku', view.sku);
  if (view.customerId) query.set('customerId', view.customerId);
  if (isLiveOnly(view)) query.set('sort', 'ends');
  return query.toString();
}

/** All active reservations that match the view, visible or not. */
export function releaseFilterOf({ sku, customerId, endingWithin }: ReservationView): ReleaseFilter {
  return {
    ...(sku ? { sku } : {}),
    ...(customerId ? { customerId } : {}),
    ...(endingWithin ? { expiringWithinSeconds: Number(endingWithin) } : {}),
  };
}
