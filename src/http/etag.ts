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

/**
 * The version that an admin's edit is based on; a write under another version is refused. It stands first in the tag;
 * what follows a dot tells of parts that no edit is based on.
 */
export function requireIfMatch(header: string | undefined, current: number): void {
  if (header === undefined) {
    throw preconditionRequired(
      "Read it first and send its ETag as If-Match, so that nobody else's change is lost.",
      {
        currentEtag: `"${current}"`,
      },
    );
  }
  const versions = header.split(',').map((tag) => /^"(\d+)(?:\.[\d.]*)?"$/.exec(tag.trim())?.[1]);
  if (header !== '*' && !versions.includes(String(current))) {
    throw preconditionFailed('It was changed since you read it. Read it again and decide anew.', {
      currentEtag: `"${current}"`,
    });
  }
}
