import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'wouter';

interface QueryFilters {
  get: (name: string) => string | null;
  /** Several comma-separated values of one name. */
  all: (name: string) => string[];
  set: (changes: Record<string, string | readonly string[] | null>) => void;
  /** How many filters are set. */
  count: number;
  clear: () => void;
  /** The filters that are set, as a query string for the API. */
  query: string;
}

/** The filters of a page, kept in the URL. */
export function useFilters(): QueryFilters {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (changes: Record<string, string | readonly string[] | null>) =>
      setParams(
        (before) => {
          const next = new URLSearchParams(before);
          for (const [name, value] of Object.entries(changes)) {
            if (value === null || value.length === 0) next.delete(name);
            else next.set(name, typeof value === 'string' ? value : value.join(','));
          }
          return next;
        },
        { replace: true },
      ),
    [setParams],
  );
  return useMemo(
    () => ({
      get: (name: string) => params.get(name),
      all: (name: string) => params.get(name)?.split(',').filter(Boolean) ?? [],
      set,
      count: [...params.keys()].length,
      clear: () => setParams(new URLSearchParams(), { replace: true }),
      query: params.toString(),
    }),
    [params, set, setParams],
  );
}
