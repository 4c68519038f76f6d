import type { IncomingMessage } from 'node:http';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { serveQueueBoard } from './reporting/queue-board';
import { ReportingModule } from './reporting/reporting.module';
import type { Config } from './config/config';
import { AuthGuard } from './auth/auth.guard';
import { bodyLimitBytes, readBodies } from './http/body';
import { boundedServer, closeWhenAnswered } from './http/connections';
import { serveDashboard } from './http/dashboard';
import { serveDocs } from './http/openapi';
import { HeadOfStreams } from './http/event-stream';
import { NestLog } from './logger';
import { ProblemFilter, sendThrown } from './http/problem.filter';
import { logRequests } from './http/request-log';
import { HealthController } from './health/health.controller';
import { Readiness } from './health/readiness';
import { LoadTests } from './load-tests/load-tests';
import { LoadTestsController } from './load-tests/load-tests.controller';
import { BodyValidationPipe } from './http/validation';
import { OrdersModule } from './orders/orders.module';
import { PaymentModule } from './payment/payment.module';
import { sharedModules } from './process';
import { WebhooksModule } from './webhooks/webhooks.module';
import { ReconciliationModule } from './reconciliation/reconciliation.module';

@Module({})
class ApiModule {
  static with(config: Config): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        ...sharedModules(config),
        PaymentModule,
        OrdersModule,
        WebhooksModule,
        ReconciliationModule,
        ReportingModule,
      ],
      controllers: [HealthController, LoadTestsController],
      providers: [
        LoadTests,
        Readiness,
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_GUARD, useClass: HeadOfStreams },
        { provide: APP_PIPE, useClass: BodyValidationPipe },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}

/** The HTTP API, ready to listen or to be injected into by a test. */
export async function createApi(config: Config): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimitBytes,
    // Requests whose address cannot be decoded never reach Nest.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      sendThrown(error, request, reply),
    ...boundedServer(config),
    genReqId: (request: IncomingMessage) =>
      safeRequestId(request.headers['x-request-id']) ?? crypto.randomUUID(),
    // Event streams and waits end themselves; `closeWhenAnswered` closes the rest.
    forceCloseConnections: 'idle',
    trustProxy: config.trustedProxies.length > 0 ? config.trustedProxies : false,
    routerOptions: { maxParamLength: 300 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.with(config), adapter, {
    rawBody: true, // webhook signatures cover the bytes
    logger: new NestLog(),
    abortOnError: false,
  });
  const fastify = app.getHttpAdapter().getInstance();
  // Hooks that every request passes call back: a promise each would cost more than what they do.
  logRequests(fastify, config.slowRequestMs);
  readBodies(app);
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
    done();
  });
  closeWhenAnswered(fastify);
  serveDocs(app);
  serveDashboard(fastify);
  if (config.queuesEnabled) serveQueueBoard(app);
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  return app;
}

/** The caller's request id, if it is safe in a log and in a header. */
const safeRequestId = (header: string | string[] | undefined) =>
  typeof header === 'string' && /^[\w.-]{8,100}$/.test(header) ? header : undefined;
