/**
 * "ord_…h7k2": enough to tell two ids apart at a glance. The beginning is the time and alike for everything of one
 * minute, so the end is what is shown. Ids of other makes keep a little of both.
 */
export function shortId(id: string): string {
  const [prefix, rest] = split(id);
  return rest.length <= 8 ? id : `${prefix}…${rest.slice(-4)}`;
}

function split(id: string): [string, string] {
  const at = id.lastIndexOf('_') + 1;
  return at > 0 && at < 12 ? [id.slice(0, at), id.slice(at)] : [id.slice(0, 3), id.slice(3)];
}

/** What kind of thing an id is of, as far as its prefix tells. */
export function hrefOfId(id: string): string | null {
  if (/^ord_\w+$/.test(id)) return `/orders/${id}`;
  if (/^rsv_\w+$/.test(id)) return `/reservations/${id}`;
  return null;
}
