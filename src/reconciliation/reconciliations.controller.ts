import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ReasonDto } from '../audit-log/reason.dto';
import { Caller, type Principal, Roles } from '../auth/auth.guard';
import { Database } from '../database/database';
import { ValidationFailed, refusal } from '../errors';
import { PageQuery, pageBounds, pageOf } from '../http/paging';
import {
  Responses,
  instant,
  int,
  moneyType,
  pageType,
  publicIdOf,
  responseType,
  text,
} from '../http/responses';
import { IsInstant, MayBeAbsent } from '../http/validation';
import { OptionalIdempotencyKey, idempotencyKeyReused } from '../idempotency/idempotency.repository';
import { parsePublicId, publicId } from '../ids';
import { Reconciliations, reconciliationRunning } from './reconciliations';
import { type Reconciliation, findReconciliation, listReconciliations } from './reconciliations.repository';

const reconciliationNotFound = refusal(404, 'reconciliation_not_found', 'There is no such reconciliation');

const differenceType = responseType('ReconciliationDifference', {
  kind: text('not_captured').describe('What differs; docs/state-machines.md lists the kinds.'),
  orderId: publicIdOf('ord').nullable().describe('Null: the provider names no order of ours.'),
  ours: text('captured 3998 EUR'),
  provider: text('requires_capture'),
  amountAtRisk: moneyType,
  caseId: publicIdOf('fct').nullable().describe('The review case; null where nothing is left to do.'),
});

const reconciliationType = responseType('Reconciliation', {
  object: z.literal('reconciliation'),
  id: publicIdOf('rec'),
  status: z.enum(['running', 'done', 'failed']),
  actor: text('nightly').describe('`nightly`, `command`, or the name of a key.'),
  from: instant('2026-11-19T03:00:00.000Z'),
  to: instant('2026-11-20T03:00:00.000Z'),
  compared: int(1204).describe('Payments of this installation.'),
  others: int(31).describe('Payments of others at the same account: counted and never touched.'),
  differenceCount: int(1),
  differences: z.array(differenceType).describe('The first 500.'),
  error: text('The provider did not answer.').nullable(),
  startedAt: instant('2026-11-20T03:00:12.000Z'),
  endedAt: instant('2026-11-20T03:01:40.000Z').nullable(),
});

class ReconcileDto extends ReasonDto {
  @ApiProperty({ description: 'Payments created at this instant or later.', example: '2026-11-19T00:00:00Z' })
  @IsInstant()
  from!: string;

  @MayBeAbsent({ description: 'Before this instant. Default: now.', example: '2026-11-20T00:00:00Z' })
  @IsInstant()
  to?: string;
}

@ApiTags('admin: operations')
@Controller('v1/admin/reconciliations')
@Roles('admin', 'viewer')
export class ReconciliationsController {
  constructor(
    private readonly reconciliations: Reconciliations,
    private readonly db: Database,
  ) {}

  @Post()
  @Roles('admin')
  @ApiOperation({
    summary: 'Compare our payments with the provider’s',
    description:
      'Over a period, in the background; differences become review cases. One runs at a time. Kept in the audit log.',
  })
  @Responses({ 202: reconciliationType }, [ValidationFailed, reconciliationRunning, idempotencyKeyReused])
  async startReconciliation(
    @Body() { from, to, reason }: ReconcileDto,
    @OptionalIdempotencyKey() key: string | undefined,
    @Caller() actor: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id, replayed } = await this.reconciliations.start({ from, to }, { reason, key, actor });
    void reply
      .header('location', `/v1/admin/reconciliations/${publicId('rec', id)}`)
      .header('retry-after', '1');
    if (replayed) void reply.header('idempotent-replayed', 'true');
    return view((await findReconciliation(this.db, id))!);
  }

  @Get()
  @ApiOperation({
    summary: 'Reconciliations',
    description: 'Newest first.',
  })
  @Responses({ 200: pageType(reconciliationType) }, [ValidationFailed])
  async listReconciliations(@Query() query: PageQuery) {
    const { limit, after } = pageBounds(query);
    return pageOf(await listReconciliations(this.db, limit, after), limit, (row) => row.id, view);
  }

  @Get(':id')
  @ApiOperation({ summary: 'How far a reconciliation has come' })
  @Responses({ 200: reconciliationType }, [reconciliationNotFound])
  async getReconciliation(@Param('id') id: string) {
    const uuid = parsePublicId('rec', id);
    const found = uuid && (await findReconciliation(this.db, uuid));
    if (!found) throw reconciliationNotFound('No reconciliation has this id. Look at the list of them.');
    return view(found);
  }
}

const view = ({
  id,
  from,
  to,
  startedAt,
  endedAt,
  ...rest
}: Reconciliation): z.infer<typeof reconciliationType> => ({
  object: 'reconciliation',
  ...rest,
  id: publicId('rec', id),
  from: from.toISOString(),
  to: to.toISOString(),
  startedAt: startedAt.toISOString(),
  endedAt: endedAt?.toISOString() ?? null,
});
