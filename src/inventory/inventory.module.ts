import { Module } from '@nestjs/common';
import { AdminReservationsController } from './reservations/admin-reservations.controller';
import { Contention } from './allocation/contention';
import { ContentionModes } from './allocation/contention-modes';
import { CurrentStrategies } from './allocation/current-strategies';
import { DemandMetrics } from './allocation/demand-metrics';
import { StockIntake } from './reservations/stock-intake';
import { StockReserver } from './reservations/stock-reserver';
import { ProductsController, StockController } from './catalogue/products.controller';
import { ProductsService } from './catalogue/products.service';
import { Releases } from './bulk-release/releases';
import { ReleasesController } from './bulk-release/releases.controller';
import { ReservationsController } from './reservations/reservations.controller';
import { ReservationShipments } from './shipments/reservation-shipments';
import { ReservationShipmentsController } from './shipments/reservation-shipments.controller';
import { ReservationsService } from './reservations/reservations.service';

@Module({
  controllers: [
    ReservationsController,
    StockController,
    ProductsController,
    AdminReservationsController,
    ReleasesController,
    ReservationShipmentsController,
  ],
  providers: [
    Contention,
    ContentionModes,
    CurrentStrategies,
    DemandMetrics,
    ProductsService,
    Releases,
    ReservationShipments,
    ReservationsService,
    StockIntake,
    StockReserver,
  ],
  exports: [
    Contention,
    ContentionModes,
    DemandMetrics,
    ProductsService,
    Releases,
    ReservationsService,
    StockIntake,
  ],
})
export class InventoryModule {}
