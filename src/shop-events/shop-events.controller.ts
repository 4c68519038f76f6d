import { Controller, Get, Headers, Query, Req } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Matches, MaxLength } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { Caller, type Principal, Roles } from '../auth/auth.guard';
import { tooManyStreams } from '../auth/event-streams';
import { ValidationFailed } from '../errors';
import { PageQuery, pageBounds } from '../http/paging';
import { Responses } from '../http/responses';
import { MayBeAbsent } from '../http/validation';
import { parsePublicId } from '../ids';
import { waitSecondsMax } from '../orders/order-answer';
import { cursorTooOld, cursorUnknown, invalidCursor } from './event-cursor';
import { shopEventListType } from './event-objects';
import { readTypes } from './event-types';
import { ShopFeed } from './shop-feed';

class ShopEventsQuery extends PageQuery {
  @MayBeAbsent({
    description:
      'The `nextCursor` of an earlier page; `latest`: nothing, and the cursor of now. Without: from the oldest that is kept.',
  })
  @Matches(/^[\w-]{1,200}$/, { message: 'cursor must be the nextCursor of an earlier page, or latest' })
  declare cursor?: string;

  @MayBeAbsent({
    description: 'Types, separated by commas; `order.*` is all that begin so.',
    example: 'order.*,reservation.expired',
  })
  @MaxLength(1_000)
  types?: string;

  @MayBeAbsent({ description: 'An order or a reservation.', example: 'ord_01jd3v7q8ne05v7c0kq1e5m9tz' })
  @Matches(/^(ord|rsv)_[0-9a-z]{26}$/, { message: 'aggregateId must be the id of an order or a reservation' })
  aggregateId?: string;
}

@ApiTags('events')
@Controller('v1/events')
@Roles('client', 'viewer', 'admin')
export class ShopEventsController {
  constructor(private readonly feed: ShopFeed) {}

  @Get()
  @ApiOperation({
    summary: 'What happened to your orders and reservations',
    description:
      "Oldest first, those of an order or reservation by rising `sequence`; of this key's own objects alone, whatever its role. Nothing appears later before what you have seen.",
  })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: `wait=N: if there is no event yet, wait for the first, at most N seconds (up to ${waitSecondsMax}). Counts as an event stream of the key.`,
  })
  @Responses({ 200: shopEventListType }, [
    ValidationFailed,
    invalidCursor,
    cursorTooOld,
    cursorUnknown,
    tooManyStreams,
  ])
  async listShopEvents(
    @Query() query: ShopEventsQuery,
    @Headers('prefer') prefer: string | undefined,
    @Caller() { name: principal }: Principal,
    @Req() request: FastifyRequest,
  ) {
    const { aggregateId: id } = query;
    const reader = {
      principal,
      cursor: query.cursor,
      types: query.types === undefined ? null : readTypes(query.types),
      // A malformed id has no events.
      aggregateId:
        id === undefined ? null : (parsePublicId(id.startsWith('ord') ? 'ord' : 'rsv', id) ?? nothing),
      limit: pageBounds({ limit: query.limit }).limit,
    };
    const waitMs = waitOf(prefer) * 1_000;
    return waitMs === 0 ? this.feed.read(reader) : this.feed.await(reader, waitMs, request);
  }
}

const nothing = '00000000-0000-0000-0000-000000000000';

function waitOf(prefer: string | undefined): number {
  const seconds = Number(/(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])/i.exec(prefer ?? '')?.[1] ?? 0);
  if (seconds > waitSecondsMax)
    throw new ValidationFailed({
      pointer: '/prefer',
      code: 'wait_too_long',
      detail: `Prefer: wait=${seconds} is longer than ${waitSecondsMax} s, the longest wait. Ask again when it is over.`,
    });
  return seconds;
}
