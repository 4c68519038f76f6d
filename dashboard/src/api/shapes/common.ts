/**
 * What the desk and the stage answer, a file for each subject; this is what they have in common.
 *
 * Paths without a leading `/v1` are under `/v1/admin/`. Instants are RFC 3339 in UTC. Durations carry their unit in
 * their name. Shares go from 0 to 1. Rates are per second. Every acting call takes `Idempotency-Key` (any number of
 * copies act once) and, in its body, `reason` (3 to 500 characters).
 */

export interface Money {
  /** Minor units. */
  amount: number;
  currency: string;
}

/** Every list. `?limit=` 1 to 100 (20), `?cursor=` the page before's `nextCursor`. */
export interface Page<Row> {
  object: 'list';
  data: Row[];
  hasMore: boolean;
  nextCursor: string | null;
}
