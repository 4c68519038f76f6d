import 'reflect-metadata';
import { serveMetrics } from './health/metrics-server';
import { Background } from './background/background.module';
import { runProcess } from './process';
import { createWorker, startWorker } from './worker.module';

/** The worker: BullMQ consumers, relay, sweepers; any number of replicas. */
void runProcess('worker', async (config) => {
  const app = await createWorker(config);
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  if (config.metricsPort !== undefined)
    await serveMetrics(config.host, config.metricsPort, () => app.get(Background).troubles());
  await startWorker(app);
  console.log('worker ready');
});
