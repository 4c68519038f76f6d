import { Module } from '@nestjs/common';
import { ProductsController } from './products.controller';
import { ProductsService } from './products.service';
import { AdminReservationsController, ReservationsController } from './reservations.controller';
import { ReservationsService } from './reservations.service';
import { StockController } from './stock.controller';

@Module({
  controllers: [ReservationsController, StockController, ProductsController, AdminReservationsController],
  providers: [ReservationsService, ProductsService],
  exports: [ReservationsService],
})
export class InventoryModule {}
