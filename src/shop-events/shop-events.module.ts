import { Module } from '@nestjs/common';
import { EventRounds } from './event-rounds';
import { ShopEventsController } from './shop-events.controller';
import { ShopFeed } from './shop-feed';

@Module({
  controllers: [ShopEventsController],
  providers: [EventRounds, ShopFeed],
  exports: [EventRounds],
})
export class ShopEventsModule {}
