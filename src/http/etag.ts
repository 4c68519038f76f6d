import type { FastifyReply, FastifyRequest } from 'fastify';
import { preconditionFailed, preconditionRequired } from '../errors';

/**
 * Returns the body with its ETag, or 304 when the client already has this version. The tag is the version in the
 * resource's rows; seconds that count down are not a new version.
 */
export function sendWithEtag<Body>(
  request: FastifyRequest,
  reply: FastifyReply,
  version: string,
  body: Body,
): Body | undefined {
  const etag = `"${version}"`;
  void reply.header('etag', etag).header('cache-control', 'private, no-cache');
  if (!isKnownVersion(request.headers['if-none-match'], etag)) return body;
  void reply.status(304);
  return undefined;
}

/** Whether `If-None-Match` names this tag. A weak tag counts: for reading, the bytes need not be identical. */
export function isKnownVersion(ifNoneMatch: string | undefined, etag: string): boolean {
  const [tag] = tagsOf(etag);
  return ifNoneMatch?.trim() === '*' || tagsOf(ifNoneMatch).some(({ value }) => value === tag?.value);
}

/** The preconditions of an edit (RFC 9110, section 13). */
export interface Preconditions {
  ifMatch?: string;
  ifNoneMatch?: string;
}

/** Whether an edit is based on this version. The version comes first in the tag; other parts follow a dot. */
export function isBasedOn({ ifMatch }: Preconditions, version: number): boolean {
  // A weak tag means "equivalent", which is not enough to overwrite.
  return (
    ifMatch?.trim() === '*' || tagsOf(ifMatch).some((tag) => !tag.weak && versionOf(tag.value) === version)
  );
}

/** Refuses to create an object that the caller believes exists. */
export function requireAbsent({ ifMatch }: Preconditions): void {
  if (ifMatch !== undefined)
    throw preconditionFailed(
      'If-Match names a version, but it does not exist. To create it, leave If-Match out.',
      { currentEtag: null },
    );
}

/** Refuses an edit that is based on another version. `conflict` says what that edit missed. */
export function requireIfMatch(
  conditions: Preconditions,
  current: number,
  conflict: Record<string, unknown> = {},
): void {
  const { ifMatch, ifNoneMatch } = conditions;
  const currentEtag = `"${current}"`;
  if (ifMatch !== undefined && !isBasedOn(conditions, current))
    throw preconditionFailed('It changed since you read it. Fetch it and try again.', {
      currentEtag,
      ...conflict,
    });
  if (ifNoneMatch?.trim() === '*' || tagsOf(ifNoneMatch).some(({ value }) => versionOf(value) === current))
    throw preconditionFailed(
      'It already exists, and If-None-Match forbids that. To change it, send If-Match.',
      { currentEtag },
    );
  if (ifMatch === undefined)
    throw preconditionRequired(
      'Fetch it first and send its ETag as If-Match, so that you do not overwrite another change.',
      { currentEtag },
    );
}

const versionOf = (tag: string) => Number(/^(\d{1,15})(?:\.[\d.]*)?$/.exec(tag)?.[1] ?? NaN);

/** The tags in a header. Text that is not a tag is skipped. */
function tagsOf(header = ''): { weak: boolean; value: string }[] {
  return [...header.matchAll(/(?<=^|,)\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?=,|$)/g)].map(
    ([, weak, value]) => ({ weak: weak !== undefined, value: value! }),
  );
}
