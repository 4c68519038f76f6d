import 'reflect-metadata';
import { Activity } from './reporting/activity/activity';
import { Situation } from './reporting/overview/situation';
import { createApi } from './api.module';
import { EventFeed } from './outbox/event-feed';
import { PeriodicTasks } from './periodic/periodic-tasks';
import { runProcess } from './process';

/** The API: HTTP only, any number of replicas. */
void runProcess('api', async (config) => {
  const app = await createApi(config);
  const tasks = app.get(PeriodicTasks);
  app.get(Activity).start(tasks);
  app.get(Situation).start(tasks);
  app.get(EventFeed).start(tasks);
  await app.init();
  // Nest's own listen would log a failure with its stack, in addition to the line that runProcess prints.
  const url = await app.getHttpAdapter().getInstance().listen({ host: config.host, port: config.port });
  console.log(`api listening on ${url}`);
});
