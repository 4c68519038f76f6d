import { useEffect, useMemo, useRef, useState } from 'react';
import { send } from '../../api/client';
import { useTopic } from '../../api/live';
import type { Reservation, ReservationsMessage } from '../../api/openapi';
import { type ListState, useList } from '../../api/use-api';

/** A row with its arrival time, which its countdown starts from. */
export interface ReservationRow extends Reservation {
  at: number;
}

interface Reservations {
  list: ListState<Reservation>;
  rows: ReservationRow[] | undefined;
  /** The number of matches; null until the stream has sent it. Counting stops at 10 000. */
  matching: number | null;
  /** The new state of rows that are no longer in the list. */
  became: ReadonlyMap<string, Reservation>;
}

/** The maximum number of rows in a stream message and in a page of the list. */
const pageSize = 100;

/** The polling interval for rows below the streamed ones. */
const refetchBelowMs = 10_000;

const endsAfter = (row: Reservation, last: Reservation) => row.expiresAt >= last.expiresAt;
const isOlder = (row: Reservation, last: Reservation) => row.id < last.id;

/** The list, kept current by the stream. Values are whole, so the newest message wins. */
export function useReservations(query: string): Reservations {
  const [streamed, setStreamed] = useState<{
    query: string;
    at: number;
    message: ReservationsMessage;
  } | null>(null);
  const latest = streamed?.query === query ? streamed : null;
  const isLonger = latest !== null && latest.message.matching > latest.message.data.length;
  const list = useList<Reservation>(`reservations?${query}&limit=${pageSize}`, {
    refetchMs: isLonger ? refetchBelowMs : undefined,
  });
  useTopic<ReservationsMessage>(`reservations:${query}`, (message) =>
    setStreamed({ query, at: performance.now(), message }),
  );
  const newest = latest !== null && latest.at > list.at ? latest : null;
  const rows = useMemo(() => {
    if (!list.rows) return undefined;
    const asked = list.rows.map((row) => ({ ...row, at: list.at }));
    if (!newest) return asked;
    const { data, matching } = newest.message;
    const first = data.map((row) => ({ ...row, at: newest.at }));
    const last = data.at(-1);
    if (matching <= data.length || last === undefined) return first;
    // Rows loaded below the streamed part stay below it, and so do rows that newer ones have pushed out of it.
    const known = new Set(data.map(({ id }) => id));
    const isBelow = new URLSearchParams(query).get('sort') === 'ends' ? endsAfter : isOlder;
    return [...first, ...asked.filter((row) => !known.has(row.id) && isBelow(row, last))];
  }, [list.rows, list.at, newest, query]);
  return { list, rows, matching: latest?.message.matching ?? null, became: useBecame(rows, query) };
}

/** With more than this at once, no one can follow single rows. */
const followedMost = 12;

/** Fetches the rows that have just left the list, to show that and how each one ended. */
function useBecame(
  rows: readonly Reservation[] | undefined,
  query: string,
): ReadonlyMap<string, Reservation> {
  const [became, setBecame] = useState<ReadonlyMap<string, Reservation>>(new Map());
  const before = useRef<{ query: string; ids: Set<string> }>({ query, ids: new Set() });
  useEffect(() => {
    if (!rows) return;
    const ids = new Set(rows.map(({ id }) => id));
    const left = before.current.query === query ? [...before.current.ids].filter((id) => !ids.has(id)) : [];
    before.current = { query, ids };
    if (left.length === 0 || left.length > followedMost) return;
    void Promise.allSettled(left.map((id) => send<Reservation>('GET', `/v1/reservations/${id}`))).then(
      (answers) => {
        const ended = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
        setBecame(
          (known) => new Map([...known, ...ended.map((one) => [one.id, one] as const)].slice(-pageSize)),
        );
      },
    );
  }, [rows, query]);
  return became;
}
