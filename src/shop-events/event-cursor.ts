import { createHash } from 'node:crypto';
import { refusal } from '../errors';
import type { FeedKey } from '../outbox/event-feed.repository';

export const invalidCursor = refusal(422, 'invalid_cursor', 'The cursor is not one of this feed');
export const cursorTooOld = refusal(410, 'cursor_too_old', 'Events after this cursor may have been deleted');
export const cursorUnknown = refusal(410, 'cursor_unknown', 'The event that this cursor names is not there');

/** The last event that was seen, and a moment before which nothing else was left to see; both in microseconds. */
export interface EventCursor {
  key: FeedKey;
  seenUntil: number;
}

const pattern =
  /^([0-9a-f]{12}) (\d{1,16}) (\d{1,9}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) (\d{1,16})$/;

/** No secret: it shows a shop that it has mixed up its cursors, and nothing else depends on it. */
const markOf = (principal: string) =>
  createHash('sha256').update(`events of ${principal}`).digest('hex').slice(0, 12);

export function cursorText(principal: string, { key, seenUntil }: EventCursor): string {
  const text = `${markOf(principal)} ${key.createdMicros} ${key.sequence} ${key.id} ${seenUntil}`;
  return Buffer.from(text).toString('base64url');
}

export function readCursor(principal: string, cursor: string): EventCursor {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, mark, micros, sequence, id, seenUntil] = pattern.exec(text) ?? [];
  if (mark === undefined)
    throw invalidCursor(
      'This is no `nextCursor` of GET /v1/events. Start without a cursor, or with `latest`.',
    );
  if (mark !== markOf(principal))
    throw invalidCursor(
      'This cursor was given to another key. Use one that this key was given, or start without.',
    );
  return {
    key: { createdMicros: Number(micros), sequence: Number(sequence), id: id! },
    seenUntil: Number(seenUntil),
  };
}
