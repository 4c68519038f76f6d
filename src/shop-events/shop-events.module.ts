import { Module } from '@nestjs/common';
import { EventPages } from './event-pages';
import { EventRounds } from './event-rounds';
import { ShopEventsController } from './shop-events.controller';
import { ShopFeed } from './shop-feed';

@Module({
  controllers: [ShopEventsController],
  providers: [EventPages, EventRounds, ShopFeed],
  exports: [EventPages, EventRounds],
})
export class ShopEventsModule {}
