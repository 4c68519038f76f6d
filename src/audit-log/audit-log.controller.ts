import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database } from '../database/database';
import { z } from 'zod';
import { ValidationFailed } from '../errors';
import { Responses, instant, pageType, publicIdOf, responseType, text } from '../http/responses';
import { Roles } from '../auth/auth.guard';
import { PageQuery, pageBounds, pageOf } from '../http/paging';
import { IsInstant, IsSearchText, MayBeAbsent, dateOf } from '../http/validation';
import { publicId } from '../ids';
import type { AdminActionEntity } from './audit-log.entity';
import { listActions } from './audit-log.repository';

const factsType = z.record(z.string(), z.unknown()).meta({ example: { status: 'active' } });

const actionType = responseType('Action', {
  object: z.literal('action'),
  id: publicIdOf('act'),
  at: instant(),
  actor: text('anna'),
  action: text('reservation.release'),
  objectType: text('reservation'),
  objectId: publicIdOf('rsv'),
  reason: text('customer called').nullable(),
  before: factsType.nullable().describe('The fields that it was about, as they were.'),
  after: factsType.nullable(),
});

class ActionsQuery extends PageQuery {
  @MayBeAbsent({ description: 'Who.', example: 'anna' })
  @IsSearchText(200)
  actor?: string;

  @MayBeAbsent({ description: 'What.', example: 'reservation.release' })
  @IsSearchText(100)
  action?: string;

  @MayBeAbsent({ example: 'reservation' })
  @IsSearchText(100)
  objectType?: string;

  @MayBeAbsent({ description: 'An id or a SKU.', example: 'rsv_01jd3v7q8ne05v7c0kq1e5m9tz' })
  @IsSearchText(200)
  objectId?: string;

  @MayBeAbsent({ description: 'At this instant or later.', example: '2026-11-20T10:00:00Z' })
  @IsInstant()
  from?: string;

  @MayBeAbsent({ description: 'Before this instant.', example: '2026-11-20T11:00:00Z' })
  @IsInstant()
  to?: string;
}

@ApiTags('admin: operations')
@Controller('v1/admin/actions')
@Roles('admin', 'viewer')
export class ActionsController {
  constructor(private readonly db: Database) {}

  @Get()
  @ApiOperation({
    summary: 'The audit log',
    description: 'Who did what, and why, with what it was before and after. Newest first; kept forever.',
  })
  @Responses({ 200: pageType(actionType) }, [ValidationFailed])
  async listActions(@Query() query: ActionsQuery) {
    const { limit, after } = pageBounds(query);
    const filter = { ...query, from: dateOf(query.from), to: dateOf(query.to) };
    return pageOf(await listActions(this.db, filter, limit, after), limit, (row) => row.id, view);
  }
}

const view = ({ id, at, ...rest }: AdminActionEntity) => ({
  object: 'action' as const,
  id: publicId('act', id),
  at: at.toISOString(),
  ...rest,
});
