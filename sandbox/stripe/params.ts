import qs from 'qs';
import { invalidRequest, parameterMissing } from './errors';

/** Parameters as received: strings, arrays and objects, not yet validated. */
export type Params = Readonly<Record<string, unknown>>;

/** Stripe's bracketed form encoding: `metadata[orderId]=…`, `created[gte]=1`, `expand[]=…`. */
export function parseForm(text: string): Params {
  return qs.parse(text, { depth: 3, arrayLimit: 100, parameterLimit: 500 });
}

/** Refuses parameters that the sandbox does not implement, so that nobody relies on them. */
export function refuseUnknown(params: Params, known: readonly string[]): void {
  const unknown = Object.keys(params).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw invalidRequest(`Received unknown parameter: ${unknown}`, 'parameter_unknown', unknown);
}

export function optionalString(params: Params, name: string): string | undefined {
  const value = params[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string')
    throw invalidRequest(`Invalid string: ${JSON.stringify(value)}`, undefined, name);
  return value;
}

export function requiredString(params: Params, name: string): string {
  const value = optionalString(params, name);
  if (value === undefined) throw parameterMissing(name);
  return value;
}

/** Amounts are positive whole minor units. */
export function optionalAmount(params: Params, name: string): number | undefined {
  const value = optionalString(params, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value))
    throw invalidRequest(`Invalid integer: ${value}`, 'parameter_invalid_integer', name);
  if (Number(value) < 1)
    throw invalidRequest('This value must be greater than or equal to 1.', 'parameter_invalid_integer', name);
  return Number(value);
}

export function requiredAmount(params: Params, name: string): number {
  const value = optionalAmount(params, name);
  if (value === undefined) throw parameterMissing(name);
  return value;
}

/** A whole number from 0 to `max`. */
export function optionalWhole(params: Params, name: string, max: number): number | undefined {
  const value = optionalString(params, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value) || Number(value) > max)
    throw invalidRequest(
      `${name} must be a whole number from 0 to ${max}.`,
      'parameter_invalid_integer',
      name,
    );
  return Number(value);
}

export function oneOf<T extends string>(params: Params, name: string, allowed: readonly T[], fallback: T): T {
  const value = optionalString(params, name) ?? fallback;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined)
    throw invalidRequest(`Invalid ${name}: must be one of ${allowed.join(', ')}`, undefined, name);
  return found;
}

export function stringList(params: Params, name: string): string[] {
  const value = params[name] ?? [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
    throw invalidRequest(`Invalid array: ${name}`, undefined, name);
  }
  return value as string[];
}

/** Stripe's limits: 50 keys, names up to 40 characters, values up to 500. */
export function metadataOf(params: Params): Record<string, string> {
  const value = params.metadata ?? {};
  if (value === '') return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw invalidRequest('Invalid hash', undefined, 'metadata');

  const entries = Object.entries(value);
  if (entries.length > 50) throw invalidRequest('Metadata can have up to 50 keys.', undefined, 'metadata');
  for (const [name, text] of entries) {
    if (name.length > 40)
      throw invalidRequest('Metadata keys can have up to 40 characters.', undefined, 'metadata');
    if (typeof text !== 'string')
      throw invalidRequest('Metadata values must be strings.', undefined, `metadata[${name}]`);
    if (text.length > 500)
      throw invalidRequest('Metadata values can have up to 500 characters.', undefined, `metadata[${name}]`);
  }
  return Object.fromEntries(entries.filter(([, text]) => text !== ''));
}

/** Whether a time in milliseconds is in `created`, which is a second or bounds of seconds. */
export function createdFilter(params: Params): (ms: number) => boolean {
  const { created } = params;
  if (created === undefined) return () => true;
  const bounds = typeof created === 'string' ? { gte: created, lte: created } : (created as Params);
  const known = ['gt', 'gte', 'lt', 'lte'] as const;
  refuseUnknown(bounds, known);
  const [gt, gte, lt, lte] = known.map((name) => optionalWhole(bounds, name, 99_999_999_999));
  return (ms) => {
    const at = Math.floor(ms / 1_000);
    return at > (gt ?? -1) && at >= (gte ?? 0) && at < (lt ?? Infinity) && at <= (lte ?? Infinity);
  };
}

/** Stripe's paging: newest first, ten by default, starting after an id. */
export function pageOf(params: Params): { limit: number; startingAfter: string | undefined } {
  const limit = optionalString(params, 'limit') ?? '10';
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > 100) {
    throw invalidRequest('limit must be between 1 and 100', 'parameter_invalid_integer', 'limit');
  }
  return { limit: Number(limit), startingAfter: optionalString(params, 'starting_after') };
}
