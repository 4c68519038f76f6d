import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Answers, documented } from '../http/responses';
import { Roles } from '../auth/auth.guard';
import { Contention } from '../inventory/allocation/contention';
import { ContentionModes } from '../inventory/allocation/contention-modes';
import { Audit } from '../audit/audit';
import { adaptiveView } from './activity/contention-history';

const auditType = documented('Audit', {
  ok: true,
  checkedAt: '2026-11-20T10:00:00.000Z',
  tookMs: 41,
  invariants: [
    { id: 'I1', promise: 'Nothing is sold that is not there: 0 ≤ reserved ≤ on hand.', violations: [] },
  ],
});

const contentionType = documented('ContentionList', {
  object: 'list',
  data: [
    {
      sku: 'DROP-042',
      strategy: 'grouped',
      reservationsPerSecond: 812.4,
      lockWaitMs: { p50: 0.5, p99: 10.5 },
      conflictRate: 0.01,
      batchSize: 41.7,
      waiting: 212,
      peakPerSecond: 1_204,
      adaptive: {
        hot: true,
        since: '2026-11-20T10:00:00.000Z',
        reason: 'half of 95 buyers a second waited more than 5 ms for its row',
      },
    },
  ],
});

@ApiTags('admin: operations')
@ApiBearerAuth()
@Controller('v1/admin')
@Roles('admin', 'viewer')
export class AdminController {
  constructor(
    private readonly audit: Audit,
    private readonly measured: Contention,
    private readonly modes: ContentionModes,
  ) {}

  @Get('invariants')
  @ApiOperation({ summary: 'Check every promise now', description: 'Each with the rows that break it.' })
  @Answers({ 200: auditType })
  invariants() {
    return this.audit.run();
  }

  @Get('contention')
  @ApiOperation({
    summary: 'How much buyers are in each other’s way',
    description:
      'Per SKU and strategy, busiest first, over the last minute, as the process that answers has seen it. `adaptive` tells how such a SKU is taken at this moment, and why.',
  })
  @Answers({ 200: contentionType })
  contention(@Query('sku') sku?: string) {
    const data = this.measured.figures(sku).map(({ lockWait, ...one }) => ({
      ...one,
      lockWaitMs: lockWait,
      adaptive: adaptiveView(this.modes.modeOf(one.sku)),
    }));
    return { object: 'list' as const, data };
  }
}
