import { Module } from '@nestjs/common';
import { Admission } from './admission';
import { ProductsController } from './products.controller';
import { ProductsService } from './products.service';
import { AdminReservationsController, ReservationsController } from './reservations.controller';
import { ReservationsService } from './reservations.service';
import { StockController } from './stock.controller';

@Module({
  controllers: [ReservationsController, StockController, ProductsController, AdminReservationsController],
  providers: [ReservationsService, ProductsService, Admission],
  exports: [ReservationsService, Admission],
})
export class InventoryModule {}
