import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { Responses } from '../../http/responses';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { PageQuery, pageBounds, pageOf } from '../../http/paging';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../../idempotency/idempotency.repository';
import { parsePublicId } from '../../ids';
import { type ReleaseFilterDto, ReleaseManyDto } from './releases.dto';
import { ReasonDto } from '../../audit-log/reason.dto';
import { countView, releaseCountType, releaseListType, releaseType, releaseView } from './releases.responses';
import { Releases } from './releases';
import { releaseNotFound, releaseNotRunning, releaseTokenExpired } from '../inventory.errors';
import { listReleases } from './releases.repository';

@ApiTags('admin: reservations')
@Controller('v1/admin/reservations')
@Roles('admin', 'viewer')
export class ReleasesController {
  constructor(
    private readonly releases: Releases,
    private readonly db: Database,
  ) {}

  @Post('release')
  @Roles('admin')
  @ApiOperation({
    summary: 'Release many reservations',
    description:
      'First `{filter, dryRun: true}`: counts what would end, changes nothing, and answers 200 with a token. Then `{token, reason}`: 202, and exactly those that were counted are released in the background, but for what ended or was pinned meanwhile. Kept in the audit log.',
  })
  @Responses({ 200: releaseCountType, 202: releaseType }, [
    ValidationFailed,
    releaseNotFound,
    releaseTokenExpired,
    idempotencyKeyReused,
  ])
  async releaseReservations(
    @Body() dto: ReleaseManyDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wish = wishOf(dto);
    if ('filter' in wish) {
      void reply.status(200);
      return countView(await this.releases.count({ ...wish.filter }, caller));
    }
    const { release, replayed } = await this.releases.begin(
      releaseId(wish.token),
      { reason: wish.reason, key },
      caller,
    );
    const view = releaseView(release);
    void reply.header('location', `/v1/admin/reservations/releases/${view.id}`).header('retry-after', '1');
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return view;
  }

  @Get('releases')
  @ApiOperation({ summary: 'Releases of many reservations', description: 'Newest first.' })
  @Responses({ 200: releaseListType }, [ValidationFailed])
  async listReleases(@Query() query: PageQuery) {
    const { limit, after } = pageBounds(query);
    return pageOf(await listReleases(this.db, limit, after), limit, (row) => row.id, releaseView);
  }

  @Get('releases/:id')
  @ApiOperation({ summary: 'How far a release has come' })
  @Responses({ 200: releaseType }, [releaseNotFound])
  async getRelease(@Param('id') id: string) {
    return releaseView(await this.releases.get(releaseId(id)));
  }

  @Post('releases/:id/stop')
  @Roles('admin')
  @ApiOperation({
    summary: 'Stop a release',
    description: 'What was released by then stays released. Kept in the audit log.',
  })
  @Responses({ 200: releaseType }, [
    ValidationFailed,
    releaseNotFound,
    releaseNotRunning,
    idempotencyKeyReused,
  ])
  async stopRelease(
    @Param('id') id: string,
    @Body() { reason }: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { release, replayed } = await this.releases.stop(releaseId(id), { reason, key }, caller);
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return releaseView(release);
  }
}

function releaseId(text: string): string {
  const id = parsePublicId('rel', text);
  if (!id) throw releaseNotFound('No release and no count has this id. Count again.');
  return id;
}

/** A count or a release, never half of each. */
function wishOf(dto: ReleaseManyDto): { filter: ReleaseFilterDto } | { token: string; reason: string } {
  if (dto.token === undefined) {
    if (dto.filter && dto.dryRun === true) return { filter: dto.filter };
    throw new ValidationFailed([
      dto.filter
        ? {
            pointer: '/dryRun',
            code: 'dry_run_first',
            detail:
              'Count first, with dryRun: true, and release what was counted with the token you are given.',
          }
        : {
            pointer: '/filter',
            code: 'required',
            detail: 'Send a filter to count, or the token of a count.',
          },
    ]);
  }
  if (dto.filter || dto.dryRun !== undefined) {
    throw new ValidationFailed({
      pointer: '/token',
      code: 'token_alone',
      detail: 'The token stands for its filter. Send it without filter and dryRun.',
    });
  }
  if (dto.reason === undefined)
    throw new ValidationFailed({
      pointer: '/reason',
      code: 'required',
      detail: 'reason must say in a few words why.',
    });
  return { token: dto.token, reason: dto.reason };
}
