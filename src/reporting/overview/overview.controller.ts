import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database, clockOf } from '../../database/database';
import { Responses } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { StreamTopics } from '../../http/event-stream';
import { Audit } from '../../audit/audit';
import { Contention } from '../../inventory/allocation/contention';
import { ContentionModes } from '../../inventory/allocation/contention-modes';
import { productNotFound } from '../../inventory/inventory.errors';
import { ActivityLog } from '../activity/activity-log';
import { ContentionHistory, adaptiveView } from '../activity/contention-history';
import { outboxNow } from './current-state';
import { OncePerSecond } from './once';
import { Overview } from './overview';
import { QueueReport } from './queue-report';
import {
  auditType,
  contentionHistoryType,
  contentionListType,
  outboxType,
  overviewType,
  queuesType,
} from './overview.responses';

/** The dashboard's overview, its page of queues, contention, and the audit. */
@ApiTags('admin: operations')
@Controller('v1/admin')
@Roles('admin', 'viewer')
export class OverviewController {
  private readonly queueReport = new OncePerSecond(async () => {
    const now = await clockOf(this.db);
    await this.log.refresh(now);
    return this.queues.report(now);
  });

  constructor(
    private readonly db: Database,
    private readonly wholeOverview: Overview,
    private readonly history: ContentionHistory,
    private readonly queues: QueueReport,
    private readonly log: ActivityLog,
    private readonly audit: Audit,
    private readonly measured: Contention,
    private readonly modes: ContentionModes,
    topics: StreamTopics,
  ) {
    topics.offer('overview', () => wholeOverview.get());
    topics.offer('contention', (sku) => history.of(sku));
  }

  @Get('overview')
  @ApiOperation({
    summary: 'How the sale goes',
    description: 'Computed once a second for all readers; the same as the stream’s topic `overview`.',
  })
  @Responses({ 200: overviewType })
  getOverview() {
    return this.wholeOverview.get();
  }

  @Get('queues')
  @ApiOperation({
    summary: 'Queues and workers',
    description: 'Counts are null while the queues cannot be asked; orders go on all the same.',
  })
  @Responses({ 200: queuesType })
  getQueues() {
    return this.queueReport.get();
  }

  @Get('outbox')
  @ApiOperation({
    summary: 'Messages that wait',
    description: 'Counted to 10 000. Dead letters are not among them.',
  })
  @Responses({ 200: outboxType })
  getOutbox() {
    return outboxNow(this.db);
  }

  @Get('contention/:sku')
  @ApiOperation({
    summary: 'Ten minutes of one SKU',
    description:
      'Lock waits and conflicts in slices of 2.5 s as all processes saw them, and each strategy’s last measurement.',
  })
  @Responses({ 200: contentionHistoryType }, [productNotFound])
  getContentionHistory(@Param('sku') sku: string) {
    return this.history.of(sku);
  }

  @Get('invariants')
  @ApiOperation({ summary: 'Check every promise now', description: 'Each with the rows that break it.' })
  @Responses({ 200: auditType })
  runAudit() {
    return this.audit.run();
  }

  @Get('contention')
  @ApiOperation({
    summary: 'Contention per SKU and strategy',
    description:
      'Busiest first, over the last minute, as seen by the process that answers. `adaptive`: how such a SKU is taken at this moment, and why.',
  })
  @Responses({ 200: contentionListType })
  listContention(@Query('sku') sku?: string) {
    const data = this.measured.figures(sku).map(({ lockWait: lockWaitMs, ...one }) => {
      return { ...one, lockWaitMs, adaptive: adaptiveView(this.modes.modeOf(one.sku)) };
    });
    return { object: 'list' as const, data };
  }
}
