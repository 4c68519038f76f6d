import { Module } from '@nestjs/common';
import { AdminController } from './admin.controller';
import { Audit } from './audit';
import { HealthController } from './health.controller';

@Module({ controllers: [AdminController, HealthController], providers: [Audit], exports: [Audit] })
export class AdminModule {}
