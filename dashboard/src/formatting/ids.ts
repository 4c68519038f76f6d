/**
 * "ord_…h7k2": enough to distinguish two ids at a glance. Ids of the same minute start alike, so the end is shown.
 * Other ids keep a little of both ends.
 */
export function shortId(id: string): string {
  const [prefix, rest] = split(id);
  return rest.length <= 8 ? id : `${prefix}…${rest.slice(-4)}`;
}

function split(id: string): [string, string] {
  const at = id.lastIndexOf('_') + 1;
  return at > 0 && at < 12 ? [id.slice(0, at), id.slice(at)] : [id.slice(0, 3), id.slice(3)];
}

/** The page of an object, if the id's prefix shows it. */
export function hrefOfId(id: string): string | null {
  if (/^ord_\w+$/.test(id)) return `/orders/${id}`;
  if (/^rsv_\w+$/.test(id)) return `/reservations/${id}`;
  if (/^whe_\w+$/.test(id)) return `/webhooks/${id}`;
  return null;
}
