import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ReasonDto } from '../../audit-log/reason.dto';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { PageQuery, pageBounds, pageOf } from '../../http/paging';
import { Responses } from '../../http/responses';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../../idempotency/idempotency.repository';
import { cursorTooOld, invalidCursor } from '../../shop-events/event-cursor';
import { AdminReplayDto, DeliveriesQuery } from './endpoint.dto';
import { endpointDisabled, endpointIdOf, endpointNotFound, replayInProgress } from './endpoint.errors';
import {
  adminEndpointListType,
  adminEndpointType,
  adminEndpointView,
  deliveryListType,
  deliveryType,
  deliveryView,
} from './endpoint.responses';
import { listEndpoints } from './endpoints.repository';
import { Endpoints } from './endpoints.service';

@ApiTags('admin: operations')
@Controller('v1/admin/webhook-endpoints')
@Roles('admin', 'viewer')
export class AdminEndpointsController {
  constructor(
    private readonly endpoints: Endpoints,
    private readonly db: Database,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Webhook endpoints of all shops', description: 'Oldest first.' })
  @Responses({ 200: adminEndpointListType }, [ValidationFailed])
  async listAllWebhookEndpoints(@Query() query: PageQuery) {
    const { limit, after } = pageBounds(query);
    const found = await listEndpoints(this.db, null, { limit, after });
    return pageOf(found, limit, (row) => row.id, adminEndpointView);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One webhook endpoint' })
  @Responses({ 200: adminEndpointType }, [endpointNotFound])
  async getAnyEndpoint(@Param('id') id: string) {
    return adminEndpointView(await this.endpoints.get(endpointIdOf(id), null));
  }

  @Get(':id/deliveries')
  @ApiOperation({ summary: 'What became of the events of a webhook endpoint', description: 'Newest first.' })
  @Responses({ 200: deliveryListType }, [ValidationFailed, endpointNotFound])
  async listAnyDeliveries(@Param('id') id: string, @Query() query: DeliveriesQuery) {
    return this.endpoints.deliveries(endpointIdOf(id), null, query);
  }

  @Post(':id/test')
  @Roles('admin')
  @ApiOperation({ summary: 'Send a test event', description: 'Kept in the audit log.' })
  @Responses({ 200: deliveryType }, [ValidationFailed, endpointNotFound, idempotencyKeyReused])
  async testAnyEndpoint(
    @Param('id') id: string,
    @Body() { reason }: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
  ) {
    return deliveryView(await this.endpoints.test(endpointIdOf(id), { caller, key, reason }));
  }

  @Post(':id/replay')
  @Roles('admin')
  @ApiOperation({ summary: 'Send old events again', description: 'Kept in the audit log.' })
  @Responses({ 202: adminEndpointType }, [
    ValidationFailed,
    endpointNotFound,
    endpointDisabled,
    replayInProgress,
    cursorTooOld,
    invalidCursor,
    idempotencyKeyReused,
  ])
  async replayAnyEvents(
    @Param('id') text: string,
    @Body() { reason, ...replay }: AdminReplayDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const id = endpointIdOf(text);
    await this.endpoints.replay(id, replay, { caller, key, reason });
    void reply.header('retry-after', '1');
    return adminEndpointView(await this.endpoints.get(id, null));
  }

  @Post(':id/disable')
  @Roles('admin')
  @ApiOperation({
    summary: 'Disable a webhook endpoint',
    description: 'Its shop cannot enable it again. Kept in the audit log.',
  })
  @Responses({ 200: adminEndpointType }, [ValidationFailed, endpointNotFound, idempotencyKeyReused])
  async disableEndpoint(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
  ) {
    return this.setStatus(id, 'disabled', { caller, key, reason: dto.reason });
  }

  @Post(':id/enable')
  @Roles('admin')
  @ApiOperation({
    summary: 'Enable a webhook endpoint',
    description: 'It goes on where it stopped, or at the oldest event that is kept. Kept in the audit log.',
  })
  @Responses({ 200: adminEndpointType }, [ValidationFailed, endpointNotFound, idempotencyKeyReused])
  async enableEndpoint(
    @Param('id') id: string,
    @Body() dto: ReasonDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
  ) {
    return this.setStatus(id, 'enabled', { caller, key, reason: dto.reason });
  }

  private async setStatus(
    text: string,
    status: 'enabled' | 'disabled',
    by: { caller: Principal; key: string | undefined; reason: string },
  ) {
    const id = endpointIdOf(text);
    await this.endpoints.setStatus(id, status, by);
    return adminEndpointView(await this.endpoints.get(id, null));
  }
}
