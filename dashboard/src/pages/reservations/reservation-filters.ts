import type { ReleaseFilter, ReservationStatus } from '../../api/shapes/reservations';

/** What the address says the page should show. */
export interface ReservationView {
  statuses: ReservationStatus[];
  sku: string | null;
  customerId: string | null;
  /** Only those that end within this many seconds, which are active ones. */
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

/** All that a customer ever reserved: most of it has ended. */
export const hrefOfCustomer = (customerId: string) =>
  `/reservations?customerId=${encodeURIComponent(customerId)}&status=${allStatuses.join(',')}`;

/** Without a status in the address: those that still hold something. */
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

/** The query of the list, which is the name of its topic in the stream as well. Live ones come soonest end first. */
export function queryOf(view: ReservationView): string {
  const query = new URLSearchParams();
  if (view.endingWithin) query.set('expiringWithinSeconds', view.endingWithin);
  else query.set('status', view.statuses.join(','));
  if (view.sku) query.set('sku', view.sku);
  if (view.customerId) query.set('customerId', view.customerId);
  if (isLiveOnly(view)) query.set('sort', 'ends');
  return query.toString();
}

/** Everything active that the page shows, seen or not. */
export function releaseFilterOf({ sku, customerId, endingWithin }: ReservationView): ReleaseFilter {
  return {
    ...(sku ? { sku } : {}),
    ...(customerId ? { customerId } : {}),
    ...(endingWithin ? { expiringWithinSeconds: Number(endingWithin) } : {}),
  };
}
