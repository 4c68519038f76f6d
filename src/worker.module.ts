import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Audit } from './audit/audit';
import { Background, BackgroundModule } from './background/background.module';
import type { Config } from './config/config';
import { NestLog } from './logger';
import { PeriodicTasks } from './periodic/periodic-tasks';
import { sharedModules } from './process';
import { NightlyReconciliation } from './reconciliation/nightly-reconciliation';
import { ReconciliationModule } from './reconciliation/reconciliation.module';
import { Activity } from './reporting/activity/activity';

@Module({})
class WorkerModule {
  static with(config: Config): DynamicModule {
    const imports = [...sharedModules(config), BackgroundModule, ReconciliationModule];
    return { module: WorkerModule, imports, providers: [Activity, Audit] };
  }
}

/** Everything a worker does, not yet started. */
export function createWorker(config: Config): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(WorkerModule.with(config), {
    logger: new NestLog(),
    abortOnError: false,
  });
}

/** Resolves when its consumers take jobs. */
export async function startWorker(app: INestApplicationContext): Promise<void> {
  const tasks = app.get(PeriodicTasks);
  app.get(Activity).start(tasks);
  app.get(Audit).repeat(tasks);
  app.get(NightlyReconciliation).start(tasks);
  await app.get(Background).start();
}
