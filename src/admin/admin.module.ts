import { Module } from '@nestjs/common';
import { Activity } from './activity';
import { AdminController } from './admin.controller';
import { Audit } from './audit';
import { DeadLettersController } from './dead-letters.controller';
import { HealthController } from './health.controller';
import { Readiness } from './readiness';

@Module({
  controllers: [AdminController, DeadLettersController, HealthController],
  providers: [Activity, Audit, Readiness],
  exports: [Activity, Audit],
})
export class AdminModule {}
