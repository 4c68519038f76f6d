import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { type Received, received } from './cache';
import { send } from './client';
import { type Problem, toProblem } from './problem';

interface ApiOptions {
  enabled?: boolean;
  /** Polling interval, for data that no topic of the stream carries. */
  refetchMs?: number;
}

export interface ApiState<T> {
  data: T | undefined;
  /** performance.now() when the data arrived; 0 without data. */
  at: number;
  /** Set when the last attempt failed, even if older data is still there. */
  error: Problem | undefined;
  loading: boolean;
  refetch: () => void;
}

/** `GET /v1/admin/{path}`, cached under the path with its query string. */
export function useApi<T>(path: string, { enabled = true, refetchMs }: ApiOptions = {}): ApiState<T> {
  const {
    data,
    error,
    isPending,
    refetch: fetchAgain,
  } = useQuery<Received<T>>({
    queryKey: [path],
    queryFn: async ({ signal }) => received(await send<T>('GET', path, { signal })),
    enabled,
    refetchInterval: refetchMs ?? false,
  });
  const refetch = useCallback(() => void fetchAgain(), [fetchAgain]);
  return {
    data: data?.value,
    at: data?.at ?? 0,
    error: error === null ? undefined : toProblem(error),
    loading: enabled && isPending,
    refetch,
  };
}

/** Every list of the API. */
export interface Page<Row> {
  data: Row[];
  hasMore: boolean;
  nextCursor: string | null;
}

export interface ListState<Row> extends Omit<ApiState<Row[]>, 'data'> {
  rows: Row[] | undefined;
  /** Number of pages loaded. */
  pages: number;
  hasMore: boolean;
  /** Fetches the next page and appends it. */
  more: () => void;
  loadingMore: boolean;
}

/** A list of the API, loaded page by page. */
export function useList<Row>(path: string, { enabled = true, refetchMs }: ApiOptions = {}): ListState<Row> {
  const query = useInfiniteQuery({
    queryKey: [path, 'pages'],
    queryFn: async ({ signal, pageParam }) => {
      const next =
        pageParam === null ? '' : `${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(pageParam)}`;
      return received(await send<Page<Row>>('GET', path + next, { signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ value }: Received<Page<Row>>) => value.nextCursor,
    enabled,
    refetchInterval: refetchMs ?? false,
  });
  const {
    data,
    error,
    isPending,
    refetch: fetchAgain,
    fetchNextPage,
    hasNextPage,
    isFetchingNextPage,
  } = query;
  const refetch = useCallback(() => void fetchAgain(), [fetchAgain]);
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  return {
    rows: data?.pages.flatMap(({ value }) => value.data),
    pages: data?.pages.length ?? 0,
    at: data?.pages[0]?.at ?? 0,
    error: error === null ? undefined : toProblem(error),
    loading: enabled && isPending,
    refetch,
    hasMore: hasNextPage,
    more,
    loadingMore: isFetchingNextPage,
  };
}

/** Replaces a cached value with one that came from the stream or in the response to an action. */
export function useSetCached(): <T>(path: string, value: T) => void {
  const cache = useQueryClient();
  return useCallback(
    <T>(path: string, value: T) => void cache.setQueryData<Received<T>>([path], received(value)),
    [cache],
  );
}

/** Refetches everything whose path has this prefix, after an action. */
export function useInvalidate(): (prefix: string) => void {
  const cache = useQueryClient();
  return useCallback(
    (prefix: string) =>
      void cache.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[0]).startsWith(prefix) }),
    [cache],
  );
}
