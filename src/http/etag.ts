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
  const known = request.headers['if-none-match'];
  if (known === '*' || known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) {
    void reply.status(304);
    return undefined;
  }
  return body;
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
