import 'reflect-metadata';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Activity } from './reporting/activity/activity';
import { Audit } from './audit/audit';
import type { Config } from './config/config';
import { NestLog } from './logger';
import { serveMetrics } from './health/metrics-server';
import { runProcess, sharedModules } from './process';
import { PeriodicTasks } from './periodic/periodic-tasks';
import { Background, BackgroundModule } from './background/background.module';
import { NightlyReconciliation } from './reconciliation/nightly-reconciliation';
import { ReconciliationModule } from './reconciliation/reconciliation.module';

@Module({})
class WorkerModule {
  static with(config: Config): DynamicModule {
    const imports = [...sharedModules(config), BackgroundModule, ReconciliationModule];
    return { module: WorkerModule, imports, providers: [Activity, Audit] };
  }
}

/** The worker: BullMQ consumers, relay, sweepers; any number of replicas. */
void runProcess('worker', async (config) => {
  const app = await NestFactory.createApplicationContext(WorkerModule.with(config), {
    logger: new NestLog(),
    abortOnError: false,
  });
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  if (config.metricsPort !== undefined) await serveMetrics(config.host, config.metricsPort);
  const tasks = app.get(PeriodicTasks);
  app.get(Activity).start(tasks);
  app.get(Audit).repeat(tasks);
  app.get(NightlyReconciliation).start(tasks);
  await app.get(Background).start();
  console.log('worker ready');
});
