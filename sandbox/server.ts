import type { AddressInfo } from 'node:net';
import formbody from '@fastify/formbody';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { Delays } from './delays';
import { Keys } from './routes/keys';
import { sandboxRoutes } from './routes/sandbox-routes';
import { Faults } from './faults/faults';
import { Ledger } from './ledger/ledger';
import { MoneyRequests } from './payments/money-requests';
import { parseForm } from './stripe/params';
import { newId } from './payments/payment-intents';
import { SettingsError, type SandboxSettings } from './settings';
import { Stats } from './stats';
import { Steps } from './payments/steps';
import { StripeError, renderError, type StripeErrorBody } from './stripe/errors';
import { v1Routes } from './routes/v1-routes';
import { Webhooks } from './webhooks';

export interface Sandbox {
  readonly url: string;
  readonly app: FastifyInstance;
  /** Stops at once: open requests are cut off; pending late commits and webhooks wait for the next start. */
  close(): Promise<void>;
}

/** Starts a sandbox from its ledger. The ledger is not changed before the port is bound. */
export async function createSandbox(settings: SandboxSettings): Promise<Sandbox> {
  const ledger = Ledger.open(settings.dataDir);
  const delays = new Delays();
  const faults = new Faults();
  const stats = new Stats();
  const webhooks = new Webhooks(settings, ledger, faults, stats);
  const steps = new Steps(ledger, webhooks, delays);
  const money = new MoneyRequests(ledger, steps, delays, settings.keyWindowSeconds);

  const app = fastify({
    logger: false,
    genReqId: () => newId('req'),
    // A graceful close would wait forever for requests that are left unanswered.
    forceCloseConnections: true,
    routerOptions: { querystringParser: parseForm, maxParamLength: 200 },
  });
  handleErrors(app);
  await app.register(formbody, { parser: parseForm });
  const keys = new Keys(settings.secretKey);
  const { searchLagMs } = settings;
  await app.register(
    async (scope) => v1Routes(scope, { ledger, money, faults, delays, stats, keys, searchLagMs }),
    { prefix: '/v1' },
  );
  await app.register(async (scope) => sandboxRoutes(scope, { ledger, faults, stats, steps, keys }), {
    prefix: '/sandbox',
  });

  const close = async (): Promise<void> => {
    delays.close();
    webhooks.close();
    await app.close();
    ledger.close();
  };
  try {
    await app.listen({ host: settings.host, port: settings.port });
  } catch (error) {
    await close();
    throw listenError(error as NodeJS.ErrnoException, settings);
  }
  ledger.takeOver();
  // Older events first; events of requests that are due now follow, and are sent once.
  webhooks.resume();
  money.resume();
  steps.resume();
  const { address, family, port } = app.server.address() as AddressInfo;
  return { url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`, app, close };
}

/** One line with the remedy where the operator can fix it; any other error stays as it is. */
function listenError(error: NodeJS.ErrnoException, { host, port }: SandboxSettings): Error {
  const example = String(port > 1023 && port < 65_535 ? port + 1 : 3101);
  switch (error.code) {
    case 'EADDRINUSE':
      return new SettingsError(
        'SANDBOX_PORT',
        `is ${port}, and something already listens there: stop it, or choose another port`,
        example,
      );
    case 'EACCES':
      return new SettingsError('SANDBOX_PORT', `is ${port}, which this user may not listen on`, example);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new SettingsError(
        'SANDBOX_HOST',
        `is "${host}", which is not an address of this machine`,
        '127.0.0.1',
      );
    default:
      return error;
  }
}

/** Sends every error in Stripe's shape, and logs those that the client did not cause. */
function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | StripeError, request, reply) => {
    if (error instanceof StripeError)
      return reply
        .code(error.status)
        .headers(error.headers)
        .send({ error: renderError(error.body, request.id) });

    const status = error.statusCode !== undefined && error.statusCode < 500 ? error.statusCode : 500;
    if (status === 500) console.error(error);
    const body: StripeErrorBody = {
      type: status === 500 ? 'api_error' : 'invalid_request_error',
      message: error.message,
    };
    return reply.code(status).send({ error: body });
  });
}
