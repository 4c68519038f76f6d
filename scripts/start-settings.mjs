// The settings of `npm start`: read, checked, and passed to the programs that it starts.
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { SetupError } from './console.mjs';
import { isPortFree, root } from './processes.mjs';
import { startLimitMs } from './progress.cjs';

const apiPortDefault = 3000;
const sandboxPortDefault = 3100;

export function readSettings(env) {
  checkStartLimit(env);
  return {
    port: portOf(env, 'PORT', apiPortDefault),
    sandboxPort: portOf(env, 'SANDBOX_PORT', sandboxPortDefault),
    dataDir: env.HOLDFAST_DATA_DIR ? path.resolve(env.HOLDFAST_DATA_DIR) : path.join(root, '.holdfast'),
    // `FOO= npm start` and many .env files mean "not set" by an empty value.
    databaseUrl: env.DATABASE_URL || undefined,
    stripeUrl: env.STRIPE_API_URL || undefined,
    redisUrl: env.REDIS_URL || undefined,
  };
}

function checkStartLimit(env) {
  try {
    startLimitMs(env);
  } catch (error) {
    throw new SetupError(error.message);
  }
}

function portOf(env, name, fallback) {
  const text = env[name] || String(fallback);
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new SetupError(
    `${name} is "${text}", which is not a port between 1 and 65535. Example: ${name}=${fallback}`,
  );
}

export async function checkPorts(settings) {
  const ports = [['PORT', settings.port]];
  if (settings.stripeUrl === undefined) ports.push(['SANDBOX_PORT', settings.sandboxPort]);
  if (ports.length === 2 && settings.port === settings.sandboxPort) {
    throw new SetupError(
      `PORT and SANDBOX_PORT are both ${settings.port}. Example: SANDBOX_PORT=${settings.port + 100}`,
    );
  }
  for (const [name, port] of ports) {
    if (await isPortFree(port)) continue;
    const other = await nextFreePort(port + 1);
    throw new SetupError(
      `${name}: port ${port} is in use by another program. Choose another, e.g. ${name}=${other} npm start`,
    );
  }
}

async function nextFreePort(from) {
  for (let port = from; port <= 65_535; port++) {
    if (await isPortFree(port)) return port;
  }
  return from;
}

/**
 * Refuses what a program would refuse at its start, with the same message, before any program runs. Needs the build.
 */
export async function checkProgramSettings(settings) {
  const env = childEnv(settings, settings.databaseUrl ?? 'postgres://127.0.0.1/embedded');
  if (env.NODE_ENV === 'production' && settings.stripeUrl === undefined) {
    throw new SetupError(
      '`npm start` is for development. In production run node dist/main.js and dist/worker.js (docs/operations.md).',
    );
  }
  const built = createRequire(path.join(root, 'dist', 'main.js'));
  const { host } = refusing(() => built('./config/config.js').loadConfig(env));
  if (settings.stripeUrl === undefined) refusing(() => built('./sandbox/settings.js').readSettings(env));
  const error = await errorOfListeningOn(host);
  const problem = error && built('./config/listen-errors.js').explainListenError(error, env);
  if (problem) throw new SetupError(problem);
}

function refusing(read) {
  try {
    return read();
  } catch (error) {
    throw new SetupError(error.message);
  }
}

/** Tries the address on any free port; ports in use are checked by `checkPorts`. */
function errorOfListeningOn(host) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', resolve);
    probe.listen({ port: 0, host }, () => probe.close(() => resolve(undefined)));
  });
}

export function refuseSecondStart({ dataDir, port, sandboxPort }, holder) {
  throw new SetupError(
    `Holdfast is already running with the data in ${dataDir}: pid ${holder.pid}, ${holder.url}. Stop it with \`kill ${holder.pid}\`, ` +
      `or start a second one: PORT=${port + 1} SANDBOX_PORT=${sandboxPort + 1} HOLDFAST_DATA_DIR=${dataDir}-2 npm start`,
  );
}

/** Our own environment with defaults for what is not set. */
export function childEnv(settings, databaseUrl) {
  const sandboxUrl = `http://127.0.0.1:${settings.sandboxPort}`;
  const defaults = {
    HOLDFAST_ADMIN_KEY: 'hf_dev_admin',
    HOLDFAST_VIEWER_KEY: 'hf_dev_viewer',
    HOLDFAST_CLIENT_KEY: 'hf_dev_client',
    STRIPE_API_URL: sandboxUrl,
    STRIPE_SECRET_KEY: 'sk_test_holdfast_sandbox',
    STRIPE_WEBHOOK_SECRET: 'whsec_holdfast_sandbox',
    SANDBOX_WEBHOOK_URL: `http://127.0.0.1:${settings.port}/v1/payments/webhooks/stripe`,
  };
  // Production has no default keys, so the programs report what is missing.
  if (process.env.NODE_ENV === 'production') removeAll(defaults, /^HOLDFAST_/);
  if (settings.stripeUrl !== undefined) removeAll(defaults, /^STRIPE_|^SANDBOX_/);
  const given = Object.fromEntries(
    Object.entries(process.env).filter(([name, value]) => value !== '' || !(name in defaults)),
  );
  return {
    ...defaults,
    ...given,
    DATABASE_URL: databaseUrl,
    PORT: String(settings.port),
    SANDBOX_PORT: String(settings.sandboxPort),
    HOLDFAST_DATA_DIR: settings.dataDir,
  };
}

function removeAll(record, pattern) {
  for (const name of Object.keys(record)) {
    if (pattern.test(name)) delete record[name];
  }
}
