import 'reflect-metadata';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Activity } from './reporting/activity/activity';
import { Audit } from './audit/audit';
import { type Config, loadConfig } from './config/config';
import { ConfigModule } from './config/config.module';
import { DatabaseModule } from './database/database.module';
import { armFailpoints } from './failpoints';
import { InventoryModule } from './inventory/inventory.module';
import { NestLog, log } from './logger';
import { AuthModule } from './auth/auth.module';
import { serveMetrics } from './health/metrics-server';
import { OutboxModule } from './outbox/outbox.module';
import { endInTime, runProcess, untilDatabaseAnswers } from './process';
import { PeriodicModule } from './periodic/periodic.module';
import { PeriodicTasks } from './periodic/periodic-tasks';
import { QueueModule } from './queue/queue.module';
import { Background, BackgroundModule } from './background/background.module';

@Module({})
class WorkerModule {
  static with(config: Config): DynamicModule {
    const imports = [
      ConfigModule.with(config),
      DatabaseModule,
      AuthModule,
      PeriodicModule,
      QueueModule,
      OutboxModule,
      InventoryModule,
      BackgroundModule,
    ];
    return { module: WorkerModule, imports, providers: [Activity, Audit] };
  }
}

/** The worker: BullMQ consumers, relay, sweepers; any number of replicas. */
void runProcess(async () => {
  const config = loadConfig(process.env, 'worker');
  log.level = config.logLevel;
  armFailpoints(config.failpoint);
  endInTime(config);
  await untilDatabaseAnswers(config);
  const app = await NestFactory.createApplicationContext(WorkerModule.with(config), {
    logger: new NestLog(),
    abortOnError: false,
  });
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  if (config.metricsPort !== undefined) await serveMetrics(config.host, config.metricsPort);
  const tasks = app.get(PeriodicTasks);
  app.get(Activity).start(tasks);
  app.get(Audit).repeat(tasks);
  await app.get(Background).start();
  console.log('worker ready');
});
