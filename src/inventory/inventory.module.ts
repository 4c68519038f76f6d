import { Module } from '@nestjs/common';
import { AdminReservationsController } from './reservations/admin-reservations.controller';
import { Admission } from './allocation/admission';
import { ProductsController } from './catalogue/products.controller';
import { ProductsService } from './catalogue/products.service';
import { Releases } from './bulk-release/releases';
import { ReleasesController } from './bulk-release/releases.controller';
import { ReservationsController } from './reservations/reservations.controller';
import { ReservationsService } from './reservations/reservations.service';
import { StockController } from './catalogue/stock.controller';

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
