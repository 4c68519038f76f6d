import { Module } from '@nestjs/common';
import { InventoryModule } from '../inventory/inventory.module';
import { ActionsController } from '../audit-log/audit-log.controller';
import { OrdersModule } from '../orders/orders.module';
import { PaymentModule } from '../payment/payment.module';
import { AdminOrdersController } from './lists/admin-orders.controller';
import { DeskTopics } from './stream/list-topics';
import { EventsController } from '../outbox/events.controller';
import { FindController } from './search/find.controller';
import { ReviewController } from './review/review.controller';

/** The operator's desk beside what orders and inventory have of their own: cases, audit log, events, search. */
@Module({
  imports: [InventoryModule, OrdersModule, PaymentModule],
  controllers: [ActionsController, AdminOrdersController, EventsController, FindController, ReviewController],
  providers: [DeskTopics],
})
export class DeskModule {}
