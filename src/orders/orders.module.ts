import { Module } from '@nestjs/common';
import { InventoryModule } from '../inventory/inventory.module';
import { PaymentModule } from '../payment/payment.module';
import { OldWorkers } from './checkout-saga/old-workers';
import { SagaRunner } from './checkout-saga/saga-runner';
import { FulfilmentController } from './fulfilment.controller';
import { OperatorFulfilment } from './fulfilment/operator-fulfilment';
import { OrderCaptures } from './fulfilment/order-captures';
import { OrderRefunds } from './fulfilment/order-refunds';
import { OrderShipments } from './fulfilment/order-shipments';
import { PaymentTasks } from './fulfilment/payment-tasks';
import { TaskActions } from './fulfilment/task-actions';
import { Intake } from './intake/intake';
import { OrderStream, OrderWatch } from './order-watch';
import { OrderPaymentsController } from './order-payments.controller';
import { OrdersController } from './orders.controller';
import { OrdersService } from './orders.service';
import { PaymentAttempts } from './payment-attempts';
import { PaymentCases } from './payment-check/payment-cases';
import { PaymentCheck } from './payment-check/payment-check';
import { SagaActions } from './saga-actions/saga-actions';

@Module({
  imports: [InventoryModule, PaymentModule],
  controllers: [OrdersController, FulfilmentController, OrderPaymentsController],
  providers: [
    Intake,
    OldWorkers,
    OperatorFulfilment,
    OrdersService,
    OrderCaptures,
    OrderRefunds,
    OrderShipments,
    PaymentTasks,
    TaskActions,
    OrderStream,
    OrderWatch,
    PaymentAttempts,
    PaymentCases,
    PaymentCheck,
    SagaActions,
    SagaRunner,
  ],
  exports: [
    SagaRunner,
    Intake,
    OperatorFulfilment,
    PaymentCases,
    PaymentCheck,
    PaymentTasks,
    SagaActions,
    TaskActions,
  ],
})
export class OrdersModule {}
