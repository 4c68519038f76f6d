import { QueryClient } from '@tanstack/react-query';
import { Problem } from './problem';

/** A value and the moment at which it came: what counts down or ages is told from that. */
export interface Received<T> {
  value: T;
  /** performance.now(). */
  at: number;
}

export const received = <T>(value: T): Received<T> => ({ value, at: performance.now() });

/** All server state. Pages that are left are forgotten after a minute, so that a tab open for a day stays small. */
export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      gcTime: 60_000,
      staleTime: 2000,
      // What moves comes by the stream, and after a break everything is asked for again at once.
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      // Values replace each other whole; comparing them deeply would cost more than painting them.
      structuralSharing: false,
      retry: (failures, error) =>
        error instanceof Problem && [0, 502, 503, 504].includes(error.status) && failures < 2,
      retryDelay: (failures, error) =>
        Math.min(
          error instanceof Problem && error.retryAfter !== null
            ? error.retryAfter * 1000
            : 600 * 2 ** failures,
          5000,
        ),
    },
  },
});
