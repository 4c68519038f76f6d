import { Module } from '@nestjs/common';
import { ActionsController } from '../audit-log/audit-log.controller';
import { Audit } from '../audit/audit';
import { SessionController } from '../auth/session.controller';
import { SignInLimit } from '../auth/sessions';
import { InventoryModule } from '../inventory/inventory.module';
import { OrdersModule } from '../orders/orders.module';
import { DeadLettersController } from '../outbox/dead-letters.controller';
import { EventsController } from '../outbox/events.controller';
import { PaymentModule } from '../payment/payment.module';
import { Activity } from './activity/activity';
import { ActivityLog } from './activity/activity-log';
import { ContentionHistory } from './activity/contention-history';
import { AdminFulfilmentController } from './lists/admin-fulfilment.controller';
import { AdminOrdersController } from './lists/admin-orders.controller';
import { FindController } from './lists/find.controller';
import { OrderRates, PlacedSinceMidnight } from './overview/order-rates';
import { Overview } from './overview/overview';
import { OverviewController } from './overview/overview.controller';
import { QueueReport } from './overview/queue-report';
import { Situation } from './overview/situation';
import { PaymentCasesController } from './review/payment-cases.controller';
import { PaymentTasksController } from './review/payment-tasks.controller';
import { ReviewController } from './review/review.controller';
import { PageTopics } from './stream/page-topics';
import { StreamController } from './stream/stream.controller';
import { StreamFeeds } from './stream/stream-feeds';

/**
 * What operators and the dashboard ask for. In the API only, and with the controllers of rooms whose modules a worker
 * loads too: sessions, audit log, events and dead letters.
 */
@Module({
  imports: [InventoryModule, OrdersModule, PaymentModule],
  controllers: [
    ActionsController,
    AdminFulfilmentController,
    AdminOrdersController,
    DeadLettersController,
    EventsController,
    FindController,
    OverviewController,
    PaymentCasesController,
    PaymentTasksController,
    ReviewController,
    SessionController,
    StreamController,
  ],
  providers: [
    Activity,
    ActivityLog,
    Audit,
    ContentionHistory,
    OrderRates,
    Overview,
    PageTopics,
    PlacedSinceMidnight,
    QueueReport,
    SignInLimit,
    Situation,
    StreamFeeds,
  ],
})
export class ReportingModule {}
