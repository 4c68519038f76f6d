import { Matches } from 'class-validator';
import { ValidationFailed } from '../errors';
import { MayBeAbsent } from './validation';

/** A page of a list, newest first. `nextCursor` is opaque; send it as `cursor` for the next page. */
export interface Page<T> {
  object: 'list';
  data: T[];
  hasMore: boolean;
  nextCursor: string | null;
}

const limitDefault = 20;

export class PageQuery {
  @MayBeAbsent({ description: 'How many, 1 to 100.', example: 20, type: 'integer', minimum: 1, maximum: 100 })
  @Matches(/^([1-9]\d?|100)$/, { message: 'limit must be a whole number from 1 to 100' })
  limit?: string;

  @MayBeAbsent({ description: "The previous page's `nextCursor`." })
  @Matches(/^[\w-]{1,200}$/, { message: 'cursor must be the nextCursor of an earlier page' })
  cursor?: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** For the SQL: how many rows, and the key after which they start. The key is an id unless the list has its own. */
export function pageBounds(query: PageQuery, key: RegExp = uuid): { limit: number; after: string | null } {
  return {
    limit: Number(query.limit ?? limitDefault),
    after: query.cursor ? decode(query.cursor, key) : null,
  };
}

/** Makes the page from `limit + 1` rows: the extra row only shows that there are more. */
export function pageOf<R, T>(
  rows: R[],
  limit: number,
  keyOf: (row: R) => string,
  view: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const hasMore = rows.length > limit;
  return {
    object: 'list',
    data: shown.map(view),
    hasMore,
    nextCursor: hasMore ? Buffer.from(keyOf(shown[shown.length - 1]!)).toString('base64url') : null,
  };
}

function decode(cursor: string, expected: RegExp): string {
  const key = Buffer.from(cursor, 'base64url').toString();
  if (Buffer.from(key).toString('base64url') !== cursor || !expected.test(key)) {
    throw new ValidationFailed({
      pointer: '/cursor',
      code: 'cursor_unknown',
      detail: 'This cursor does not belong to this list. Start without one.',
    });
  }
  return key;
}
