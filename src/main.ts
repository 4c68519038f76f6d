import 'reflect-metadata';
import { Activity } from './reporting/activity/activity';
import { createApi } from './api.module';
import { loadConfig } from './config/config';
import { armFailpoints } from './failpoints';
import { log } from './logger';
import { PeriodicTasks } from './periodic/periodic-tasks';
import { endInTime, runProcess, untilDatabaseAnswers } from './process';

/** The API: HTTP only, any number of replicas. */
void runProcess(async () => {
  const config = loadConfig(process.env);
  log.level = config.logLevel;
  armFailpoints(config.failpoint);
  endInTime(config);
  await untilDatabaseAnswers(config);
  const app = await createApi(config);
  app.get(Activity).start(app.get(PeriodicTasks));
  await app.init();
  // Nest's own listen would log a failure with its stack, in addition to the line that runProcess prints.
  const url = await app.getHttpAdapter().getInstance().listen({ host: config.host, port: config.port });
  console.log(`api listening on ${url}`);
});
