import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { ValidationFailed } from '../errors';
import { Responses, pageType } from '../http/responses';
import { Roles } from '../auth/auth.guard';
import { PageQuery, pageBounds, pageOf } from '../http/paging';
import { MayBeAbsent } from '../http/validation';
import { parsePublicId } from '../ids';
import { EventFeed } from './event-feed';
import type { FeedKey } from './event-feed.repository';
import { eventType, eventView } from './event-view';

class EventsQuery extends PageQuery {
  @MayBeAbsent({ description: 'An order or a reservation.', example: 'ord_01jd3v7q8ne05v7c0kq1e5m9tz' })
  @Matches(/^(ord|rsv)_[0-9a-z]{26}$/, { message: 'aggregateId must be the id of an order or a reservation' })
  aggregateId?: string;
}

/** Time in microseconds, sequence, id. */
const keyPattern = /^\d{1,17} \d{1,9} [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

@ApiTags('admin: operations')
@Controller('v1/admin/events')
@Roles('admin', 'viewer')
export class EventsController {
  constructor(private readonly feed: EventFeed) {}

  @Get()
  @ApiOperation({
    summary: 'Everything that happened',
    description:
      'Oldest first; those of an aggregate in the order of their sequence. An event is shown when nothing older can turn up any more.',
  })
  @Responses({ 200: pageType(eventType) }, [ValidationFailed])
  async listEvents(@Query() query: EventsQuery) {
    const { limit, after } = pageBounds(query, keyPattern);
    const aggregateId = query.aggregateId === undefined ? null : internalId(query.aggregateId);
    const events = await this.feed.read(aggregateId, {
      limit,
      after: after === null ? null : keyFrom(after),
    });
    return pageOf(
      events,
      limit,
      ({ createdMicros, sequence, id }) => `${createdMicros} ${sequence} ${id}`,
      eventView,
    );
  }
}

/** A malformed id has no events. */
const internalId = (id: string): string =>
  parsePublicId('ord', id) ?? parsePublicId('rsv', id) ?? '00000000-0000-0000-0000-000000000000';

function keyFrom(after: string): FeedKey {
  const [createdMicros, sequence, id] = after.split(' ');
  return { createdMicros: Number(createdMicros), sequence: Number(sequence), id: id! };
}
