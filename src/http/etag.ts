import type { FastifyReply, FastifyRequest } from 'fastify';
import { preconditionFailed, preconditionRequired } from '../errors';

/**
 * Answers a single resource with its ETag, or 304 when the client already has this version.
 *
 * The tag names the version that the resource's own rows carry; seconds that tick down are not a new version.
 */
export function sendWithEtag(
  request: FastifyRequest,
  reply: FastifyReply,
  version: string,
  body: unknown,
): unknown {
  const etag = `"${version}"`;
  void reply.header('etag', etag).header('cache-control', 'private, no-cache');
  if (isKnownVersion(request.headers['if-none-match'], etag)) {
    void reply.status(304);
    return undefined;
  }
  return body;
}

/** Compares as If-None-Match does: weak or not is the same. */
export function isKnownVersion(ifNoneMatch: string | undefined, etag: string): boolean {
  const bare = (tag: string) => tag.trim().replace(/^W\//, '');
  return ifNoneMatch === '*' || ifNoneMatch?.split(',').some((tag) => bare(tag) === bare(etag)) === true;
}

/** Whether an edit is based on this version. It stands first in the tag; what follows a dot tells of other parts. */
export function isBasedOn(header: string | undefined, version: number): boolean {
  const versions = header?.split(',').map((tag) => /^"(\d+)(?:\.[\d.]*)?"$/.exec(tag.trim())?.[1]);
  return header === '*' || versions?.includes(String(version)) === true;
}

/** Refuses an admin's edit that is based on another version; `conflict` tells what it missed. */
export function requireIfMatch(
  header: string | undefined,
  current: number,
  conflict: Record<string, unknown> = {},
): void {
  if (header === undefined) {
    throw preconditionRequired(
      "Read it first and send its ETag as If-Match, so that nobody else's change is lost.",
      {
        currentEtag: `"${current}"`,
      },
    );
  }
  if (!isBasedOn(header, current)) {
    throw preconditionFailed('It was changed since you read it. Look at what it is now and decide anew.', {
      currentEtag: `"${current}"`,
      ...conflict,
    });
  }
}
