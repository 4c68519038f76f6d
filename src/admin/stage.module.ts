import { Module } from '@nestjs/common';
import { SignInLimit } from '../http/sign-in-limit';
import { ActivityLog } from './activity-log';
import { ContentionHistory } from './contention-history';
import { LoadTests } from './load-tests';
import { LoadTestsController } from './load-tests.controller';
import { OrderRates, PlacedSinceMidnight } from './order-rates';
import { Overview } from './overview';
import { QueueReport } from './queue-report';
import { SessionController } from './session.controller';
import { StageController } from './stage.controller';
import { StreamController } from './stream.controller';
import { StreamFeeds } from './stream-feeds';

/** The operator's dashboard, as far as it is more than lists: who looks, and what they see move. In the API only. */
@Module({
  controllers: [LoadTestsController, SessionController, StageController, StreamController],
  providers: [
    ActivityLog,
    ContentionHistory,
    LoadTests,
    OrderRates,
    Overview,
    PlacedSinceMidnight,
    QueueReport,
    SignInLimit,
    StreamFeeds,
  ],
})
export class StageModule {}
