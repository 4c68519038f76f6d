import { Module } from '@nestjs/common';
import { LoadTests } from './load-tests';
import { LoadTestsController } from './load-tests.controller';

@Module({ controllers: [LoadTestsController], providers: [LoadTests], exports: [LoadTests] })
export class LoadTestsModule {}
