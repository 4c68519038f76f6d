import { resolve } from 'node:path';
import { type HttpSettings, httpSettings } from './http-settings';
import { ConfigError, Reader } from './settings-reader';

/**
 * Every setting, its default and the reason for it. Read once, when a process starts.
 *
 * A value that cannot be used stops the process with one line that names the variable, what is wrong with the value
 * and an example that would do (ConfigError).
 */

export { ConfigError };

/** What becomes of a charge that turns up after its order was given up. */
export type LatePayment = 'reacquire-else-refund' | 'refund';

/** Who reads the settings: buyers wait for an API, nobody for a worker, and a person for a command. */
export type ProcessRole = 'api' | 'worker' | 'command';

export type Environment = 'development' | 'test' | 'production';

export interface Config extends HttpSettings {
  environment: Environment;
  production: boolean;
  logLevel: string;
  host: string;
  port: number;
  metricsPort: number | undefined;
  dataDir: string;
  databaseUrl: string;
  databasePoolMax: number;
  databaseLockTimeoutMs: number;
  databaseStatementTimeoutMs: number;
  databaseIdleTransactionTimeoutMs: number;
  redisUrl: string | undefined;
  queuesEnabled: boolean;
  stripeApiUrl: string;
  stripeSecretKey: string;
  stripeWebhookSecret: string;
  paymentTimeoutMs: number;
  paymentConcurrencyMax: number;
  latePayment: LatePayment;
  bootstrapKeys: { admin: string; viewer: string; client: string };
  sessionSeconds: number;
  trustedProxies: string[];
  reservationTtlSeconds: number;
  reservationTtlSecondsMax: number;
  reservationLifetimeSecondsMax: number;
  sagaLeaseMs: number;
  intakeWaitingMax: number;
  intakeWaitMsMax: number;
  relayPollMs: number;
  relayResendMs: number;
  sweepMs: number;
  idempotencyKeyRetentionHours: number;
  shutdownGraceMs: number;
  eventLoopStallMs: number;
  failpoint: string | undefined;
}

/** Known to everybody, and so of no use but for trying it out. */
export const developmentKeys = { admin: 'hf_dev_admin', viewer: 'hf_dev_viewer', client: 'hf_dev_client' };
const sandboxUrl = 'http://127.0.0.1:3100';
const sandboxSecretKey = 'sk_test_holdfast_sandbox';
const sandboxWebhookSecret = 'whsec_holdfast_sandbox';

/** Reads and checks all settings; `env` is `process.env` but in tests. */
export function loadConfig(env: NodeJS.ProcessEnv, role: ProcessRole = 'api'): Config {
  const read = new Reader(env);
  const environment = read.oneOf('NODE_ENV', ['development', 'test', 'production'], 'development');
  const production = environment === 'production';
  const config: Config = {
    environment,
    production,
    ...processSettings(read),
    ...httpSettings(read),
    ...databaseSettings(read, role),
    ...paymentSettings(read, production),
    ...keySettings(read, production),
    ...dashboardSettings(read),
    ...reservationSettings(read),
    ...rhythmSettings(read),
  };
  refuseContradictions(config);
  if (production) refuseDevelopmentInProduction(config);
  return config;
}

const processSettings = (read: Reader) => ({
  logLevel: read.oneOf('LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info'),
  host: read.host('HOST', '127.0.0.1'),
  port: read.integer('PORT', 3000, { min: 0, max: 65_535 }),
  // The worker has no HTTP of its own; with this it serves /metrics and /health/live, and nothing else.
  metricsPort: read.integer('METRICS_PORT', 0, { min: 0, max: 65_535 }) || undefined,
  // Of an API only the reports of load tests lie there; everything that matters is in the database.
  dataDir: resolve(read.text('HOLDFAST_DATA_DIR', '.holdfast')),
  redisUrl: read.optionalUrl('REDIS_URL', ['redis:', 'rediss:'], 'redis://127.0.0.1:6379'),
  queuesEnabled: read.oneOf('QUEUES', ['on', 'off'], 'on') === 'on',
  // For drills: where this process is to fail. Read by failpoints.ts.
  failpoint: read.text('FAILPOINT', '') || undefined,
  // What a charge in flight may take to come home after SIGTERM; below the 15 s that supervisors usually allow.
  shutdownGraceMs: read.integer('SHUTDOWN_GRACE_MS', 10_000, { min: 0, max: 300_000 }),
  // Far above any garbage collection, below the minute after which people look; 0 is off. See watchdog.ts.
  eventLoopStallMs: read.integer('EVENT_LOOP_STALL_MS', 30_000, { min: 0, max: 600_000 }),
});

/**
 * A buyer who waits longer than this for one row lock is better told to try again. A worker has nobody waiting and
 * more rows in one statement. A command is asked for by a person, and an audit reads every row there is.
 *
 * Each statement timeout is above its lock timeout, so that the more telling of the two errors comes first.
 */
const databasePatienceMs: Record<ProcessRole, { lock: number; statement: number }> = {
  api: { lock: 5_000, statement: 10_000 },
  worker: { lock: 10_000, statement: 30_000 },
  command: { lock: 10_000, statement: 600_000 },
};

const databaseSettings = (read: Reader, role: ProcessRole) => ({
  databaseUrl: read.url(
    'DATABASE_URL',
    undefined,
    ['postgres:', 'postgresql:'],
    'postgres://user@127.0.0.1:5432/holdfast',
  ),
  // Two cores answer no faster with more than some twenty connections; the rest would only wait inside PostgreSQL.
  databasePoolMax: read.integer('DATABASE_POOL_MAX', 20, { min: 2, max: 500 }),
  databaseLockTimeoutMs: read.integer('DATABASE_LOCK_TIMEOUT_MS', databasePatienceMs[role].lock, {
    min: 10,
    max: 600_000,
  }),
  databaseStatementTimeoutMs: read.integer(
    'DATABASE_STATEMENT_TIMEOUT_MS',
    databasePatienceMs[role].statement,
    { min: 10, max: 3_600_000 },
  ),
  // A transaction here never waits for anything but PostgreSQL, so one that idles belongs to a process that hangs.
  databaseIdleTransactionTimeoutMs: read.integer('DATABASE_IDLE_TRANSACTION_TIMEOUT_MS', 5_000, {
    min: 10,
    max: 600_000,
  }),
});

const paymentSettings = (read: Reader, production: boolean) => ({
  stripeApiUrl: read.url(
    'STRIPE_API_URL',
    production ? 'https://api.stripe.com' : sandboxUrl,
    ['http:', 'https:'],
    sandboxUrl,
  ),
  stripeSecretKey: read.secret('STRIPE_SECRET_KEY', production ? undefined : sandboxSecretKey, 'sk_live_…'),
  stripeWebhookSecret: read.secret(
    'STRIPE_WEBHOOK_SECRET',
    production ? undefined : sandboxWebhookSecret,
    'whsec_…',
  ),
  // Longer than a bank's usual answer. An unheard answer costs only a repeat under the same key, never a double charge.
  paymentTimeoutMs: read.integer('PAYMENT_TIMEOUT_MS', 5_000, { min: 50, max: 120_000 }),
  // Calls in flight per worker: what a small Stripe account allows (100/s) at its usual quarter of a second.
  paymentConcurrencyMax: read.integer('PAYMENT_CONCURRENCY_MAX', 25, { min: 1, max: 1_000 }),
  // The buyer wanted it and has paid; only who must not sell late chooses `refund`.
  latePayment: read.oneOf('LATE_PAYMENT', ['reacquire-else-refund', 'refund'], 'reacquire-else-refund'),
});

function keySettings(read: Reader, production: boolean) {
  const key = (name: string, development: string) =>
    read.secret(name, production ? undefined : development, 'hf_live_… (20 characters or more)');
  return {
    bootstrapKeys: {
      admin: key('HOLDFAST_ADMIN_KEY', developmentKeys.admin),
      viewer: key('HOLDFAST_VIEWER_KEY', developmentKeys.viewer),
      client: key('HOLDFAST_CLIENT_KEY', developmentKeys.client),
    },
  };
}

const dashboardSettings = (read: Reader) => ({
  // A working day; nobody types a key in twice on one shift.
  sessionSeconds: read.integer('SESSION_SECONDS', 28_800, { min: 1, max: 604_800 }),
  // Whose word is taken for where a caller is and what it asked for. Anybody else could make up another address.
  trustedProxies: read.addresses('TRUSTED_PROXIES'),
});

const reservationSettings = (read: Reader) => ({
  // Ten minutes: longer than a bank's challenge page takes, shorter than a buyer waits for a sold-out page to change.
  reservationTtlSeconds: read.integer('RESERVATION_TTL_SECONDS', 600, { min: 1, max: 86_400 }),
  reservationTtlSecondsMax: read.integer('RESERVATION_TTL_SECONDS_MAX', 3_600, { min: 1, max: 86_400 }),
  // No chain of extensions outlives this, or one patient client could keep stock for ever without buying it.
  reservationLifetimeSecondsMax: read.integer('RESERVATION_LIFETIME_SECONDS_MAX', 1_800, {
    min: 1,
    max: 86_400,
  }),
  // The contract's promise to clients: a retry within this time finds what its first try made.
  idempotencyKeyRetentionHours: read.integer('IDEMPOTENCY_KEY_RETENTION_HOURS', 72, { min: 24, max: 8_760 }),
});

const rhythmSettings = (read: Reader) => ({
  // Must outlast two provider calls; a worker that died is replaced after this long.
  sagaLeaseMs: read.integer('SAGA_LEASE_MS', 15_000, { min: 1_000, max: 600_000 }),
  // About a second's worth of a hot SKU: whoever would wait longer is told so at once, and when to come back.
  intakeWaitingMax: read.integer('INTAKE_WAITING_MAX', 2_000, { min: 1, max: 1_000_000 }),
  intakeWaitMsMax: read.integer('INTAKE_WAIT_MS_MAX', 10_000, { min: 1, max: 600_000 }),
  // The net under the poke that follows each commit: how long a message waits when that poke was lost.
  relayPollMs: read.integer('RELAY_POLL_MS', 250, { min: 10, max: 60_000 }),
  // Sent but not applied: the queue lost it, or its consumer died. Longer than a queue's backlog usually is.
  relayResendMs: read.integer('RELAY_RESEND_MS', 60_000, { min: 100, max: 3_600_000 }),
  // Expiry is promised within 5 s of its moment with every queue down; this is the sweeper's share of it.
  sweepMs: read.integer('SWEEP_MS', 500, { min: 10, max: 2_000 }),
});

function refuseContradictions(config: Config): void {
  if (config.reservationTtlSeconds > config.reservationTtlSecondsMax) {
    throw new ConfigError(
      `RESERVATION_TTL_SECONDS is ${config.reservationTtlSeconds}, above RESERVATION_TTL_SECONDS_MAX (${config.reservationTtlSecondsMax}). Lower the first or raise the second.`,
    );
  }
  // Two, because an answer that does not fit is followed by a look at the provider's state.
  if (config.sagaLeaseMs <= 2 * config.paymentTimeoutMs) {
    throw new ConfigError(
      `SAGA_LEASE_MS is ${config.sagaLeaseMs}, not above twice PAYMENT_TIMEOUT_MS (${config.paymentTimeoutMs}): a lease must outlast two provider calls. Try SAGA_LEASE_MS=${config.paymentTimeoutMs * 3}.`,
    );
  }
  if (config.httpHeadersMs > config.httpRequestMs) {
    throw new ConfigError(
      `HTTP_HEADERS_MS is ${config.httpHeadersMs}, above HTTP_REQUEST_MS (${config.httpRequestMs}): headers are the first part of a request. Lower the first or raise the second.`,
    );
  }
  if (config.streamHeartbeatMs >= config.httpStallMs) {
    throw new ConfigError(
      `STREAM_HEARTBEAT_MS is ${config.streamHeartbeatMs}, not below HTTP_STALL_MS (${config.httpStallMs}): a silent event stream would be closed as stalled. Lower the first or raise the second.`,
    );
  }
  const keys = Object.values(config.bootstrapKeys);
  if (new Set(keys).size < keys.length) {
    throw new ConfigError(
      'HOLDFAST_ADMIN_KEY, HOLDFAST_VIEWER_KEY and HOLDFAST_CLIENT_KEY must differ: one key cannot have two roles. Make each with: openssl rand -hex 20',
    );
  }
}

function refuseDevelopmentInProduction(config: Config): void {
  if (config.failpoint !== undefined) {
    throw new ConfigError(
      'FAILPOINT is set, which production refuses: it makes this process fail on purpose. Unset FAILPOINT.',
    );
  }
  for (const [role, key] of Object.entries(config.bootstrapKeys)) {
    if (Object.values(developmentKeys).includes(key) || key.length < 20) {
      throw new ConfigError(
        `HOLDFAST_${role.toUpperCase()}_KEY is a development key or shorter than 20 characters, which production refuses. Make one with: openssl rand -hex 20`,
      );
    }
  }
  if (!config.stripeApiUrl.startsWith('https:') || config.stripeSecretKey === sandboxSecretKey) {
    throw new ConfigError(
      'STRIPE_API_URL or STRIPE_SECRET_KEY points to the payment sandbox, which production refuses. Unset STRIPE_API_URL and set STRIPE_SECRET_KEY=sk_live_…',
    );
  }
}
