import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ValidationFailed } from '../errors';
import { Answers, documented } from '../http/responses';
import { Caller, type Principal, Roles } from '../auth/auth.guard';
import {
  OptionalIdempotencyKey,
  idempotencyKeyInvalid,
  idempotencyKeyReused,
} from '../idempotency/idempotency';
import { ReasonDto } from '../audit-log/reason.dto';
import { strategyNames } from '../inventory/allocation/strategies/strategies';
import { LoadTests, loadTestNotFound, loadTestRunning } from './load-tests';
import { NewLoadTestDto } from './load-tests.dto';

const example = {
  object: 'load_test',
  id: 'run_01jd3v7q8nf0xv7c0kq1e5m9tz',
  status: 'running',
  startedAt: '2026-11-20T14:03:31.000Z',
  endedAt: '2026-11-20T14:03:43.000Z',
  startedBy: 'bootstrap-admin',
  buyers: 5_000,
  units: 500,
  rate: 1_000.5,
  declineRate: 0.08,
  abandonRate: 0.02,
  seed: 4_021,
  lanes: [
    {
      strategy: 'grouped',
      state: 'done',
      unitsTaken: 500,
      served: 5_000,
      takenPerSecond: 1_204.5,
      answerP99Ms: 11.5,
      conflictRate: 0.01,
      placed: 460,
      oversold: 0,
      doubleCharges: 0,
      soldOutSeconds: 0.5,
      course: [[0.25, 301.5]],
      failures: ['12 units were sold that were not there'],
    },
  ],
  trouble: 'The process that held it has gone.',
};
const notes = {
  nullable: [
    'endedAt',
    'startedBy',
    'trouble',
    ...[
      'takenPerSecond',
      'answerP99Ms',
      'conflictRate',
      'placed',
      'oversold',
      'doubleCharges',
      'soldOutSeconds',
    ].map((member) => `lanes[].${member}`),
  ],
  enums: {
    status: ['running', 'passed', 'failed', 'stopped', 'broken'],
    'lanes[].state': ['waiting', 'selling', 'settling', 'done'],
  },
};
const loadTestType = documented('LoadTest', example, notes);
const loadTestListType = documented(
  'LoadTestList',
  { object: 'list', data: [example], strategies: ['grouped'] },
  {
    nullable: notes.nullable.map((path) => `data[].${path}`),
    enums: Object.fromEntries(
      Object.entries(notes.enums).map(([path, values]) => [`data[].${path}`, values]),
    ),
  },
);

@ApiTags('admin: load tests')
@ApiBearerAuth()
@Controller('v1/admin/load-tests')
@Roles('admin', 'viewer')
export class LoadTestsController {
  constructor(private readonly tests: LoadTests) {}

  @Post()
  @Roles('admin')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Rehearse a flash sale',
    description:
      'Against this service, with products of its own; progress on the stream’s topic `run:{id}`. Not in production (404).',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @Answers({ 202: loadTestType }, [
    ValidationFailed.kind,
    loadTestRunning.kind,
    idempotencyKeyInvalid.kind,
    idempotencyKeyReused.kind,
  ])
  start(
    @Body() dto: NewLoadTestDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() caller: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (dto.declineRate + dto.abandonRate > 1)
      throw new ValidationFailed([
        {
          pointer: '/abandonRate',
          code: 'shares_over_one',
          detail: 'declineRate and abandonRate add up to more than 1.',
        },
      ]);
    void reply.header('retry-after', '1');
    return this.tests.start({ ...dto }, key, caller);
  }

  @Get()
  @ApiOperation({
    summary: 'Rehearsals, newest first',
    description: 'Those whose reports lie here. Not in production.',
  })
  @Answers({ 200: loadTestListType })
  list() {
    return { object: 'list' as const, data: this.tests.list(), strategies: strategyNames };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One rehearsal' })
  @Answers({ 200: loadTestType }, [loadTestNotFound.kind])
  get(@Param('id') id: string) {
    return this.tests.find(id);
  }

  @Post(':id/stop')
  @Roles('admin')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stop a rehearsal', description: 'Its buyers go home; what was sold stays sold.' })
  @Answers({ 200: loadTestType }, [ValidationFailed.kind, loadTestNotFound.kind])
  stop(@Param('id') id: string, @Body() { reason }: ReasonDto, @Caller() caller: Principal) {
    return this.tests.stop(id, reason, caller);
  }
}
