import { Module } from '@nestjs/common';
import { InventoryModule } from '../inventory/inventory.module';
import { SignInLimit } from '../auth/sessions';
import { ActivityLog } from './activity/activity-log';
import { ContentionHistory } from './activity/contention-history';
import { OrderRates, PlacedSinceMidnight } from './overview/order-rates';
import { Overview } from './overview/overview';
import { QueueReport } from './overview/queue-report';
import { SessionController } from '../auth/session.controller';
import { StageController } from './overview/overview.controller';
import { StreamController } from './stream/stream.controller';
import { StreamFeeds } from './stream/stream-feeds';

/** The operator's dashboard, as far as it is more than lists: who looks, and what they see move. In the API only. */
@Module({
  imports: [InventoryModule],
  controllers: [SessionController, StageController, StreamController],
  providers: [
    ActivityLog,
    ContentionHistory,
    OrderRates,
    Overview,
    PlacedSinceMidnight,
    QueueReport,
    SignInLimit,
    StreamFeeds,
  ],
})
export class StageModule {}
