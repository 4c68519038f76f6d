import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ValidationFailed } from '../errors';
import { Responses, responseType, text } from '../http/responses';
import { Caller, type Principal, Roles } from '../auth/auth.guard';
import {
  OptionalIdempotencyKey,
  idempotencyKeyInvalid,
  idempotencyKeyReused,
} from '../idempotency/idempotency.repository';
import { ReasonDto } from '../audit-log/reason.dto';
import { strategyNames } from '../inventory/allocation/strategies/strategies';
import { LoadTests, loadTestNotFound, loadTestRunning } from './load-tests';
import { loadTestType } from './load-test-files';
import { NewLoadTestDto } from './load-tests.dto';

const loadTestListType = responseType('LoadTestList', {
  object: z.literal('list'),
  data: z.array(loadTestType),
  strategies: z.array(text('grouped')).describe('Those that a load test can name.'),
});

@ApiTags('admin: load tests')
@Controller('v1/admin/load-tests')
@Roles('admin', 'viewer')
export class LoadTestsController {
  constructor(private readonly tests: LoadTests) {}

  @Post()
  @Roles('admin')
  @ApiOperation({
    summary: 'Rehearse a flash sale',
    description:
      'Against this service, with its own products; progress on the stream’s topic `run:{id}`. Not in production (404).',
  })
  @Responses({ 202: loadTestType }, [
    ValidationFailed,
    loadTestRunning,
    idempotencyKeyInvalid,
    idempotencyKeyReused,
  ])
  startLoadTest(
    @Body() dto: NewLoadTestDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (dto.declineRate + dto.abandonRate > 1)
      throw new ValidationFailed({
        pointer: '/abandonRate',
        code: 'shares_over_one',
        detail: 'declineRate and abandonRate add up to more than 1.',
      });
    void reply.header('retry-after', '1');
    return this.tests.start({ ...dto }, key, caller);
  }

  @Get()
  @ApiOperation({
    summary: 'Rehearsals, newest first',
    description: 'Those whose reports lie here. Not in production.',
  })
  @Responses({ 200: loadTestListType })
  listLoadTests() {
    return { object: 'list' as const, data: this.tests.list(), strategies: strategyNames };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One rehearsal' })
  @Responses({ 200: loadTestType }, [loadTestNotFound])
  getLoadTest(@Param('id') id: string) {
    return this.tests.find(id);
  }

  @Post(':id/stop')
  @Roles('admin')
  @ApiOperation({ summary: 'Stop a rehearsal', description: 'Its buyers go home; what was sold stays sold.' })
  @Responses({ 200: loadTestType }, [ValidationFailed, loadTestNotFound])
  stopLoadTest(@Param('id') id: string, @Body() { reason }: ReasonDto, @Caller() caller: Principal) {
    return this.tests.stop(id, reason, caller);
  }
}
