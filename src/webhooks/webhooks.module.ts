import { Module } from '@nestjs/common';
import { ShopEventsModule } from '../shop-events/shop-events.module';
import { EndpointBatches } from './delivery/endpoint-batches';
import { Tries } from './delivery/tries';
import { WaitingEvents } from './delivery/waiting-events';
import { WebhookDelivery } from './delivery/webhook-delivery';
import { WebhookTests } from './delivery/webhook-tests';
import { AdminEndpointsController } from './endpoints/admin-endpoints.controller';
import { EndpointsController } from './endpoints/endpoints.controller';
import { Endpoints } from './endpoints/endpoints.service';
import { WebhookSender } from './endpoints/webhook-sender';

@Module({
  imports: [ShopEventsModule],
  controllers: [AdminEndpointsController, EndpointsController],
  providers: [EndpointBatches, Endpoints, Tries, WaitingEvents, WebhookDelivery, WebhookSender, WebhookTests],
  exports: [WebhookDelivery],
})
export class WebhooksModule {}
