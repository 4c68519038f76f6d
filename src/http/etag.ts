import type { FastifyReply, FastifyRequest } from 'fastify';
import { preconditionFailed, preconditionRequired } from '../errors';

/**
 * Answers a single resource with its ETag, or 304 when the client already has this version.
 *
 * The tag names the version that the resource's own rows carry; seconds that tick down are not a new version.
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

/** Whether `If-None-Match` names this tag. A weak one does as well: a reader need not have the very same bytes. */
export function isKnownVersion(ifNoneMatch: string | undefined, etag: string): boolean {
  const [tag] = tagsOf(etag);
  return ifNoneMatch?.trim() === '*' || tagsOf(ifNoneMatch).some(({ value }) => value === tag?.value);
}

/** What an edit says of the version that it is based on (RFC 9110, section 13). */
export interface Preconditions {
  ifMatch?: string;
  ifNoneMatch?: string;
}

/** Whether an edit is based on this version. It stands first in the tag; what follows a dot tells of other parts. */
export function isBasedOn({ ifMatch }: Preconditions, version: number): boolean {
  // A weak tag says "about the same", which is not enough to overwrite.
  return (
    ifMatch?.trim() === '*' || tagsOf(ifMatch).some((tag) => !tag.weak && versionOf(tag.value) === version)
  );
}

/** Refuses to create what the caller takes for there already. */
export function requireAbsent({ ifMatch }: Preconditions): void {
  if (ifMatch !== undefined)
    throw preconditionFailed(
      'If-Match names a version, and there is none. To create it, leave If-Match out.',
      {
        currentEtag: null,
      },
    );
}

/** Refuses an admin's edit that is based on another version; `conflict` tells what it missed. */
export function requireIfMatch(
  conditions: Preconditions,
  current: number,
  conflict: Record<string, unknown> = {},
): void {
  const { ifMatch, ifNoneMatch } = conditions;
  const currentEtag = `"${current}"`;
  if (ifMatch !== undefined && !isBasedOn(conditions, current))
    throw preconditionFailed('It was changed since you read it. Look at what it is now and decide anew.', {
      currentEtag,
      ...conflict,
    });
  if (ifNoneMatch?.trim() === '*' || tagsOf(ifNoneMatch).some(({ value }) => versionOf(value) === current))
    throw preconditionFailed('It exists already, which If-None-Match forbids. To change it, send If-Match.', {
      currentEtag,
    });
  if (ifMatch === undefined)
    throw preconditionRequired(
      "Read it first and send its ETag as If-Match, so that nobody else's change is lost.",
      { currentEtag },
    );
}

const versionOf = (tag: string) => Number(/^(\d{1,15})(?:\.[\d.]*)?$/.exec(tag)?.[1] ?? NaN);

/** The tags of a list. What is no tag matches nothing. */
function tagsOf(header = ''): { weak: boolean; value: string }[] {
  return [...header.matchAll(/(?<=^|,)\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?=,|$)/g)].map(
    ([, weak, value]) => ({ weak: weak !== undefined, value: value! }),
  );
}
