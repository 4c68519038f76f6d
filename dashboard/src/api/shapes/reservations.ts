import type { Money } from './common';

export type ReservationStatus = 'active' | 'pinned' | 'confirmed' | 'released' | 'expired';

/**
 * `GET reservations?status=active,pinned&sku=&customerId=&expiringWithinSeconds=60&sort=ends|newest`: a page, newest first.
 * `sort=ends` is the soonest end first and needs a `status` of active and pinned only, or `expiringWithinSeconds`
 * (which means active ones only). One: `GET /v1/reservations/{id}` (not under admin).
 */
export interface Reservation {
  id: string;
  object: 'reservation';
  status: ReservationStatus;
  customerId: string;
  lines: ReservationLine[];
  total: Money;
  expiresAt: string;
  /** 0 once it has ended. */
  expiresInSeconds: number;
  /** No chain of extensions outlives this. */
  maxExpiresAt: string;
  extensionsUsed: number;
  /** In words: "expired", "released by anna: customer called"; null while it lives. */
  endReason: string | null;
  orderId: string | null;
  createdAt: string;
  metadata: Record<string, string>;
}

export interface ReservationLine {
  sku: string;
  quantity: number;
  unitPrice: Money;
  fencingToken: number;
  /** Only where each unit has a number. */
  units?: number[];
}

/** The value of the topic `reservations:{filter}`; the filter is the query string of the list, e.g. `status=active&sku=x`. */
export interface ReservationsMessage {
  object: 'reservations';
  at: string;
  /** The first 100 rows of the filtered list as it stands now, in its order. */
  data: Reservation[];
  /** How many match; counting stops at 10 000. */
  matching: number;
}

/** `GET reservations/returning?sku=` (without `sku`: of all products): what comes back if nobody pays. */
export interface Returning {
  object: 'returning';
  sku: string | null;
  asOf: string;
  /** 60 sums of 10 s each, the next 10 s first. What is overdue already is in the first. */
  units: number[];
  /** The first six of them together. */
  withinMinute: number;
  /** Units and reservations whose timer runs, whenever they end (pinned ones have no timer). */
  active: { units: number; reservations: number };
  pinned: { units: number; reservations: number };
}

/** `POST reservations/{id}/release` `{reason}` answers the `Reservation`; 409 `reservation_pinned`. */

export interface ReleaseFilter {
  /** Ids picked by hand, at most 1 000; or any of the others, which all must hold. `{}` means every active one. */
  ids?: string[];
  /** As the list has it; pinned ones stay all the same. */
  status?: string;
  sku?: string;
  customerId?: string;
  expiringWithinSeconds?: number;
}

/**
 * `POST reservations/release` `{filter, dryRun: true}` → 200. Changes nothing. 422 `too_many` above 200 000.
 * To see whether the count has moved before the press, send the dry run again and compare.
 */
export interface ReleaseCount {
  object: 'release_count';
  filter: ReleaseFilter;
  /** How many would end, and what comes back with them. */
  reservations: number;
  units: number;
  customers: number;
  /** Pinned ones that match too; they stay. */
  skippedPinned: number;
  asOf: string;
  /** Stands for exactly these reservations. Later ones are not included. */
  token: string;
  tokenExpiresInSeconds: number;
}

/**
 * `POST reservations/release` `{token, reason}` → 202 and this. 409 `release_token_expired` when the token is old.
 * The same token again: the same release as it stands now.
 * Progress: `GET reservations/releases/{id}` (every second). Stop it: `POST reservations/releases/{id}/stop` `{reason}`.
 * `GET reservations/releases` is a page of them, newest first.
 */
export interface Release {
  object: 'release';
  id: string;
  status: 'running' | 'done' | 'stopped';
  filter: ReleaseFilter;
  reason: string;
  actor: string;
  /** What the dry run counted. */
  reservations: number;
  /** Looked at so far: released + endedBefore + pinnedMeanwhile. */
  handled: number;
  released: number;
  unitsReleased: number;
  /** Had ended by themselves. */
  endedBefore: number;
  /** Stay, because a charge is in flight. */
  pinnedMeanwhile: number;
  startedAt: string;
  endedAt: string | null;
}
