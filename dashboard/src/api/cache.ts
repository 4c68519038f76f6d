import { QueryClient } from '@tanstack/react-query';
import { Problem } from './problem';

/** A value and when it arrived: countdowns and ages are computed from that. */
export interface Received<T> {
  value: T;
  /** performance.now(). */
  at: number;
}

export const received = <T>(value: T): Received<T> => ({ value, at: performance.now() });

/** All server state. Unused data is dropped after a minute, so that a tab open for a day stays small. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      gcTime: 60_000,
      staleTime: 2000,
      // Changes come from the stream, and everything is refetched once after a reconnect.
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      // Values are replaced whole; a deep comparison would cost more than rendering them.
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
