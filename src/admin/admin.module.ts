import { Module } from '@nestjs/common';
import { AdminController } from './admin.controller';
import { Audit } from './audit';
import { DeadLettersController } from './dead-letters.controller';
import { HealthController } from './health.controller';

@Module({
  controllers: [AdminController, DeadLettersController, HealthController],
  providers: [Audit],
  exports: [Audit],
})
export class AdminModule {}
