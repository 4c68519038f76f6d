import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database, clockOf } from '../../database/database';
import { Responses } from '../../http/responses';
import { Roles } from '../../auth/auth.guard';
import { StreamTopics } from '../../http/event-stream';
import { productNotFound } from '../../inventory/inventory.errors';
import { ActivityLog } from '../activity/activity-log';
import { ContentionHistory } from '../activity/contention-history';
import { outboxNow } from './current-state';
import { OncePerSecond } from './once';
import { Overview } from './overview';
import { QueueReport } from './queue-report';
import { contentionHistoryType, outboxType, overviewType, queuesType } from './overview.responses';

/** The dashboard's overview, and its page of queues. */
@ApiTags('admin: operations')
@Controller('v1/admin')
@Roles('admin', 'viewer')
export class OverviewController {
  private readonly queueReport: OncePerSecond<Awaited<ReturnType<QueueReport['report']>>>;

  constructor(
    private readonly db: Database,
    private readonly wholeOverview: Overview,
    private readonly history: ContentionHistory,
    queues: QueueReport,
    log: ActivityLog,
    topics: StreamTopics,
  ) {
    this.queueReport = new OncePerSecond(async () => {
      const now = await clockOf(db);
      await log.refresh(now);
      return queues.report(now);
    });
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
}
