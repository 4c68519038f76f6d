import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, type Principal, Roles } from '../../auth/auth.guard';
import { Database } from '../../database/database';
import { ValidationFailed } from '../../errors';
import { PageQuery, pageBounds, pageOf } from '../../http/paging';
import { Responses } from '../../http/responses';
import { EmptyBody } from '../../http/validation';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../../idempotency/idempotency.repository';
import { cursorTooOld, invalidCursor } from '../../shop-events/event-cursor';
import { DeliveriesQuery, EndpointChangeDto, NewEndpointDto, ReplayDto, RotationDto } from './endpoint.dto';
import {
  disabledByOperator,
  endpointDisabled,
  endpointIdOf,
  endpointNotFound,
  replayInProgress,
  tooManyEndpoints,
  webhookUrlNotAllowed,
} from './endpoint.errors';
import {
  deliveryListType,
  deliveryType,
  deliveryView,
  endpointListType,
  endpointType,
  endpointView,
} from './endpoint.responses';
import { listEndpoints } from './endpoints.repository';
import { Endpoints, type WithSecret } from './endpoints.service';

@ApiTags('webhooks')
@Controller('v1/webhook-endpoints')
@Roles('client', 'viewer', 'admin')
export class EndpointsController {
  constructor(
    private readonly endpoints: Endpoints,
    private readonly db: Database,
  ) {}

  @Post()
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Register a webhook endpoint',
    description:
      'It is sent what happens to your orders and reservations from now on, signed by the Standard Webhooks specification. The `secret` is in this answer alone.',
  })
  @Responses({ 201: endpointType }, [
    ValidationFailed,
    webhookUrlNotAllowed,
    tooManyEndpoints,
    idempotencyKeyReused,
  ])
  async createEndpoint(
    @Body() dto: NewEndpointDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const made = await this.endpoints.create(dto, { caller, key });
    const answer = answerWith(made, reply);
    void reply.header('location', `/v1/webhook-endpoints/${answer.id}`);
    return answer;
  }

  @Get()
  @ApiOperation({ summary: 'Your webhook endpoints', description: 'Oldest first.' })
  @Responses({ 200: endpointListType }, [ValidationFailed])
  async listWebhookEndpoints(@Query() query: PageQuery, @Caller() caller: Principal) {
    const { limit, after } = pageBounds(query);
    const found = await listEndpoints(this.db, caller.name, { limit, after });
    return pageOf(
      found,
      limit,
      (row) => row.id,
      (row) => endpointView(row),
    );
  }

  @Get(':id')
  @ApiOperation({ summary: 'One webhook endpoint' })
  @Responses({ 200: endpointType }, [endpointNotFound])
  async getEndpoint(@Param('id') id: string, @Caller() caller: Principal) {
    return endpointView(await this.endpoints.get(endpointIdOf(id), caller.name));
  }

  @Patch(':id')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Change, disable or enable a webhook endpoint',
    description:
      'What waits goes to the new URL. Once enabled again, it goes on where it stopped, or at the oldest event that is kept.',
  })
  @Responses({ 200: endpointType }, [
    ValidationFailed,
    webhookUrlNotAllowed,
    endpointNotFound,
    disabledByOperator,
    idempotencyKeyReused,
  ])
  async changeEndpoint(
    @Param('id') text: string,
    @Body() dto: EndpointChangeDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
  ) {
    const id = endpointIdOf(text);
    await this.endpoints.change(id, dto, { caller, key });
    return endpointView(await this.endpoints.get(id, caller.name));
  }

  @Delete(':id')
  @Roles('client', 'admin')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Delete a webhook endpoint',
    description: 'What waits for it is dropped; a request that is under way ends.',
  })
  @ApiNoContentResponse({ description: 'It is gone.' })
  @Responses({}, [endpointNotFound, idempotencyKeyReused])
  async deleteEndpoint(
    @Param('id') id: string,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
  ): Promise<void> {
    await this.endpoints.delete(endpointIdOf(id), { caller, key });
  }

  @Post(':id/rotate-secret')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Give a webhook endpoint a new secret',
    description:
      'Both sign for `overlapHours`. The new `secret` is in this answer alone. Rotated again within that time, the oldest ends at once.',
  })
  @Responses({ 200: endpointType }, [ValidationFailed, endpointNotFound, idempotencyKeyReused])
  async rotateSecret(
    @Param('id') text: string,
    @Body() { overlapHours }: RotationDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const rotated = await this.endpoints.rotateSecret(endpointIdOf(text), overlapHours, { caller, key });
    return answerWith(rotated, reply);
  }

  @Post(':id/test')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Send a test event',
    description:
      'One try of `webhook.test`, which is in no feed and holds nothing back. `status` says whether it was taken.',
  })
  @Responses({ 200: deliveryType }, [endpointNotFound])
  async testEndpoint(@Param('id') id: string, @EmptyBody() _: void, @Caller() caller: Principal) {
    return deliveryView(await this.endpoints.test(endpointIdOf(id), { caller, key: undefined }));
  }

  @Post(':id/replay')
  @Roles('client', 'admin')
  @ApiOperation({
    summary: 'Send old events again',
    description:
      'From a time or cursor to where live delivery stands, or these events. Beside live delivery, with the header `Holdfast-Replay`.',
  })
  @Responses({ 202: endpointType }, [
    ValidationFailed,
    endpointNotFound,
    endpointDisabled,
    replayInProgress,
    cursorTooOld,
    invalidCursor,
    idempotencyKeyReused,
  ])
  async replayEvents(
    @Param('id') text: string,
    @Body() dto: ReplayDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const id = endpointIdOf(text);
    const { replayed } = await this.endpoints.replay(id, dto, { caller, key });
    if (replayed) void reply.header('idempotent-replayed', 'true');
    void reply.header('retry-after', '1');
    return endpointView(await this.endpoints.get(id, caller.name));
  }

  @Get(':id/deliveries')
  @ApiOperation({
    summary: 'What became of the events of a webhook endpoint',
    description: 'Newest first: those that wait, those that were given up, and the last 100 that were taken.',
  })
  @Responses({ 200: deliveryListType }, [ValidationFailed, endpointNotFound])
  async listDeliveries(
    @Param('id') id: string,
    @Query() query: DeliveriesQuery,
    @Caller() caller: Principal,
  ) {
    return this.endpoints.deliveries(endpointIdOf(id), caller.name, query);
  }
}

function answerWith({ endpoint, secret, replayed }: WithSecret, reply: FastifyReply) {
  void reply.header('cache-control', 'no-store');
  if (replayed) void reply.header('idempotent-replayed', 'true');
  return endpointView(endpoint, secret);
}
