import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { type Received, received } from './cache';
import { send } from './client';
import { asProblem, type Problem } from './problem';

interface ApiOptions {
  enabled?: boolean;
  /** Asked again this often, for what no topic of the stream carries. */
  refetchMs?: number;
}

export interface ApiState<T> {
  data: T | undefined;
  /** performance.now() at which it came; 0 without data. */
  at: number;
  /** Set when the last try failed, also when there still is older data. */
  trouble: Problem | undefined;
  loading: boolean;
  again: () => void;
}

/** What `GET /v1/admin/{path}` says. The path with its query string is its name in the cache. */
export function useApi<T>(path: string, { enabled = true, refetchMs }: ApiOptions = {}): ApiState<T> {
  const { data, error, isPending, refetch } = useQuery<Received<T>>({
    queryKey: [path],
    queryFn: async ({ signal }) => received(await send<T>('GET', path, { signal })),
    enabled,
    refetchInterval: refetchMs ?? false,
  });
  const again = useCallback(() => void refetch(), [refetch]);
  return {
    data: data?.value,
    at: data?.at ?? 0,
    trouble: error === null ? undefined : asProblem(error),
    loading: enabled && isPending,
    again,
  };
}

interface Page<Row> {
  data: Row[];
  hasMore: boolean;
  nextCursor: string | null;
}

export interface ListState<Row> extends Omit<ApiState<Row[]>, 'data'> {
  rows: Row[] | undefined;
  /** How many are loaded. */
  pages: number;
  hasMore: boolean;
  /** Fetches the next page and adds it below. */
  more: () => void;
  loadingMore: boolean;
}

/** A list of the API, page after page. */
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
  const { data, error, isPending, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = query;
  const again = useCallback(() => void refetch(), [refetch]);
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  return {
    rows: data?.pages.flatMap(({ value }) => value.data),
    pages: data?.pages.length ?? 0,
    at: data?.pages[0]?.at ?? 0,
    trouble: error === null ? undefined : asProblem(error),
    loading: enabled && isPending,
    again,
    hasMore: hasNextPage,
    more,
    loadingMore: isFetchingNextPage,
  };
}

/** Puts a whole value that came by the stream, or as the answer to an act, in the place of what was asked for. */
export function useKeep(): <T>(path: string, value: T) => void {
  const cache = useQueryClient();
  return useCallback(
    <T>(path: string, value: T) => void cache.setQueryData<Received<T>>([path], received(value)),
    [cache],
  );
}

/** After an act: asks again for everything whose path begins so. */
export function useRefresh(): (prefix: string) => void {
  const cache = useQueryClient();
  return useCallback(
    (prefix: string) =>
      void cache.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[0]).startsWith(prefix) }),
    [cache],
  );
}
