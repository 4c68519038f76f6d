import { useSyncExternalStore } from 'react';

/** Below this width the navigation is a rail of icons. The style sheets use the same number. */
export const RAIL = '(width <= 1360px)';
export const PHONE = '(width < 700px)';

const queries = new Map<string, MediaQueryList>();

function queryOf(media: string): MediaQueryList {
  const query = queries.get(media) ?? matchMedia(media);
  queries.set(media, query);
  return query;
}

/** For decisions that a style sheet cannot make. */
export function useMedia(media: string): boolean {
  const query = queryOf(media);
  return useSyncExternalStore(
    (listener) => {
      query.addEventListener('change', listener);
      return () => query.removeEventListener('change', listener);
    },
    () => query.matches,
  );
}
