import { Module } from '@nestjs/common';
import type { Config } from '../config/config';
import { CONFIG } from '../config/config.module';
import { GATEWAY } from './gateways/gateway';
import { GuardedGateway } from './gateways/guarded.gateway';
import { StripeGateway } from './gateways/stripe.gateway';
import { ProviderDesk } from './provider-desk';
import { StripeRecords } from './provider-records';
import { WebhooksController } from './webhooks/webhooks.controller';

@Module({
  controllers: [WebhooksController],
  providers: [
    {
      provide: GATEWAY,
      inject: [CONFIG],
      useFactory: (config: Config) => new GuardedGateway(new StripeGateway(config)),
    },
    {
      provide: ProviderDesk,
      inject: [CONFIG],
      useFactory: (config: Config) => new ProviderDesk(new StripeRecords(config)),
    },
  ],
  exports: [GATEWAY, ProviderDesk],
})
export class PaymentModule {}
