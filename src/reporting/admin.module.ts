import { Module } from '@nestjs/common';
import { Activity } from './activity/activity';
import { AdminController } from './admin.controller';
import { InventoryModule } from '../inventory/inventory.module';
import { Audit } from '../audit/audit';
import { DeadLettersController } from '../outbox/dead-letters.controller';

@Module({
  imports: [InventoryModule],
  controllers: [AdminController, DeadLettersController],
  providers: [Activity, Audit],
  exports: [Activity, Audit],
})
export class AdminModule {}
