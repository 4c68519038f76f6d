import { Module } from '@nestjs/common';
import { InventoryModule } from '../inventory/inventory.module';
import { ActionsController } from './actions.controller';
import { DeskTopics } from './desk-topics';
import { EventsController } from './events.controller';
import { FindController } from './find.controller';
import { ReviewController } from './review.controller';

/** The operator's desk beside what orders and inventory have of their own: cases, audit log, events, search. */
@Module({
  imports: [InventoryModule],
  controllers: [ActionsController, EventsController, FindController, ReviewController],
  providers: [DeskTopics],
})
export class DeskModule {}
