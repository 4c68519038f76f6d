import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config';
import { GATEWAY } from './gateways/gateway';
import { GuardedGateway } from './gateways/guarded.gateway';
import { StripeGateway } from './gateways/stripe.gateway';
import { Installation } from './installation';
import { NextActions } from './next-actions';
import { ProviderLookup, StripeRecords } from './provider-lookup';
import { PROVIDER_PAYMENTS, StripePayments } from './provider-payments';
import { ProviderEventInbox } from './webhooks/provider-event-inbox';
import { WebhooksController } from './webhooks/webhooks.controller';

@Module({
  controllers: [WebhooksController],
  providers: [
    Installation,
    NextActions,
    ProviderEventInbox,
    {
      provide: GATEWAY,
      inject: [CONFIG],
      useFactory: (config: Config) => new GuardedGateway(new StripeGateway(config)),
    },
    {
      provide: ProviderLookup,
      inject: [CONFIG],
      useFactory: (config: Config) => new ProviderLookup(new StripeRecords(config)),
    },
    {
      provide: PROVIDER_PAYMENTS,
      inject: [CONFIG],
      useFactory: (config: Config) => new StripePayments(config),
    },
  ],
  exports: [GATEWAY, Installation, NextActions, PROVIDER_PAYMENTS, ProviderLookup],
})
export class PaymentModule {}
