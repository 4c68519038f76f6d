import 'reflect-metadata';
import path from 'node:path';
import fastify from 'fastify';
import { answering } from './child';
import type { OrdersController } from '../../src/orders/orders.controller';

/** The messages to and from this process. */
export interface NoOpTask {
  kind: 'bare' | 'stack';
  dist: string;
  databaseUrl: string;
}
export type NoOpResult = { url: string };

/** About as long as the response to an accepted order. */
const answer = {
  id: 'ord_00000000000000000000000000',
  object: 'order',
  status: 'pending',
  metadata: {},
  padding: 'x'.repeat(600),
};

/**
 * The upper limit of every measurement over HTTP: a POST that does nothing.
 *
 * bare     Fastify alone: parses and sends JSON
 * stack    the API itself with the handler of POST /v1/orders taken out: Fastify and Nest with all hooks, the key's guard,
 *          the validation of the body, the Idempotency-Key header; no fingerprint, no intake, no database
 */
export function serve(): void {
  answering<NoOpTask, NoOpResult>(async (task) => ({
    url: await (task.kind === 'bare' ? bare() : stack(task)),
  }));
}

function bare(): Promise<string> {
  const app = fastify();
  app.post('/v1/orders', (_, reply) => reply.code(202).send(answer));
  return app.listen({ host: '127.0.0.1', port: 0 });
}

/** The handler of POST /v1/orders. */
const handler = 'placeOrder' satisfies keyof OrdersController;

interface Built {
  createApi: (
    config: unknown,
  ) => Promise<{ listen(options: object): Promise<unknown>; getUrl(): Promise<string> }>;
  loadConfig: (env: NodeJS.ProcessEnv) => unknown;
  OrdersController: { prototype: Record<typeof handler, (...handed: unknown[]) => unknown> };
}

/** The files of the build that are used, below `dist`. */
export const noOpFiles = ['config/config', 'orders/orders.controller', 'api.module'];

async function stack({ dist, databaseUrl }: NoOpTask): Promise<string> {
  const { createApi, loadConfig, OrdersController } = Object.assign(
    {},
    // oxlint-disable-next-line typescript/no-require-imports -- the parent process names the build
    ...noOpFiles.map((file) => require(path.join(dist, `${file}.js`)) as object),
  ) as Built;
  emptyHandler(OrdersController.prototype);
  const app = await createApi(loadConfig({ NODE_ENV: 'test', DATABASE_URL: databaseUrl, LOG_LEVEL: 'warn' }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app.getUrl();
}

/** Replaces the handler. Nest finds a route by the metadata of its method, so the new method gets it too. */
function emptyHandler(controller: Built['OrdersController']['prototype']): void {
  const original = controller[handler];
  controller[handler] = (_dto, _key, _prefer, _caller, reply) => {
    void (reply as { status(code: number): unknown }).status(202);
    return answer;
  };
  for (const key of Reflect.getMetadataKeys(original) as unknown[])
    Reflect.defineMetadata(key, Reflect.getMetadata(key, original), controller[handler]);
}
