import { useSyncExternalStore } from 'react';

/** Below this the navigation is a rail of icons, as in the style sheets. */
export const RAIL = '(width <= 1360px)';
export const PHONE = '(width < 700px)';

const queries = new Map<string, MediaQueryList>();

function queryOf(media: string): MediaQueryList {
  const query = queries.get(media) ?? matchMedia(media);
  queries.set(media, query);
  return query;
}

/** For what a style sheet cannot decide. */
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
