import { Module } from '@nestjs/common';
import { InventoryModule } from '../inventory/inventory.module';
import { PaymentModule } from '../payment/payment.module';
import { AdminOrdersController } from './admin-orders.controller';
import { SagaRunner } from './checkout-saga/saga-runner';
import { Intake } from './intake';
import { OrderStream } from './order-stream';
import { OrderWatch } from './order-watch';
import { OrdersController } from './orders.controller';
import { OrdersService } from './orders.service';
import { SagaDesk } from './saga-desk';

@Module({
  imports: [InventoryModule, PaymentModule],
  controllers: [OrdersController, AdminOrdersController],
  providers: [Intake, OrdersService, OrderStream, OrderWatch, SagaDesk, SagaRunner],
  exports: [SagaRunner, Intake],
})
export class OrdersModule {}
