import { Module } from '@nestjs/common';
import { AdminReservationsController } from './admin-reservations.controller';
import { Admission } from './admission';
import { ProductsController } from './products.controller';
import { ProductsService } from './products.service';
import { Releases } from './releases';
import { ReleasesController } from './releases.controller';
import { ReservationsController } from './reservations.controller';
import { ReservationsService } from './reservations.service';
import { StockController } from './stock.controller';

@Module({
  controllers: [
    ReservationsController,
    StockController,
    ProductsController,
    AdminReservationsController,
    ReleasesController,
  ],
  providers: [ReservationsService, ProductsService, Releases, Admission],
  exports: [ReservationsService, ProductsService, Releases, Admission],
})
export class InventoryModule {}
