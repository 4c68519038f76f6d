import { Module } from '@nestjs/common';
import { OrdersModule } from '../orders/orders.module';
import { PaymentModule } from '../payment/payment.module';
import { LostPayments } from './lost-payments';
import { NightlyReconciliation } from './nightly-reconciliation';
import { PeriodComparison } from './period-comparison';
import { Reconciliations } from './reconciliations';
import { ReconciliationsController } from './reconciliations.controller';

@Module({
  imports: [OrdersModule, PaymentModule],
  controllers: [ReconciliationsController],
  providers: [LostPayments, NightlyReconciliation, PeriodComparison, Reconciliations],
  exports: [NightlyReconciliation, PeriodComparison, Reconciliations],
})
export class ReconciliationModule {}
