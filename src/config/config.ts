import { resolve } from 'node:path';
import { readCell } from './cell';
import { readRedisUrl } from './redis-url';
import { ConfigError, Reader } from './settings-reader';
import { webhookContradiction, webhookSettings } from './webhook-settings';

/**
 * Every setting, its default and the reason for it. Read once, when a process starts. A value that cannot be used stops
 * the process with one line: the variable, what is wrong with its value, and an example (ConfigError).
 */

export { ConfigError };

/** Buyers wait for an API, nobody waits for a worker, and an operator waits for a command. */
export type ProcessRole = 'api' | 'worker' | 'command';

export type Config = ReturnType<typeof readSettings>;

/** Inject with `@Inject(CONFIG) config: Config`. */
export const CONFIG = Symbol('config');

/** Public, so production refuses them. */
export const developmentKeys = { admin: 'hf_dev_admin', viewer: 'hf_dev_viewer', client: 'hf_dev_client' };
const sandboxUrl = 'http://127.0.0.1:3100';
export const sandboxSecretKey = 'sk_test_holdfast_sandbox';
const sandboxWebhookSecret = 'whsec_holdfast_sandbox';

/** Reads and checks all settings; `env` is `process.env` except in tests. */
export function loadConfig(env: NodeJS.ProcessEnv, role: ProcessRole = 'api'): Config {
  const config = readSettings(new Reader(env), role);
  const problem = (config.production ? developmentSettingIn(config) : undefined) ?? contradictionIn(config);
  if (problem !== undefined) throw new ConfigError(problem);
  return config;
}

function readSettings(read: Reader, role: ProcessRole) {
  const environment = read.oneOf('NODE_ENV', ['development', 'test', 'production'], 'development');
  const production = environment === 'production';
  return {
    environment,
    production,
    ...processSettings(read),
    ...httpSettings(read),
    ...databaseSettings(read, role),
    ...paymentSettings(read, production),
    ...keySettings(read, production),
    ...dashboardSettings(read),
    ...reservationSettings(read),
    ...backgroundSettings(read),
    ...webhookSettings(read, production),
  };
}

const processSettings = (read: Reader) => ({
  // One cell, with the number that the ids of every earlier build contain.
  cell: readCell(read),
  logLevel: read.oneOf('LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info'),
  host: read.host('HOST', '127.0.0.1'),
  port: read.integer('PORT', 3000, { min: 0, max: 65_535 }),
  // The worker has no API; on this port it serves /metrics and /health/live. 0: not served.
  metricsPort: read.integer('METRICS_PORT', 0, { min: 0, max: 65_535 }) || undefined,
  // The API keeps only the reports of load tests there; everything that matters is in the database.
  dataDir: resolve(read.text('HOLDFAST_DATA_DIR', '.holdfast')),
  redis: readRedisUrl(read, 'REDIS_URL'),
  queuesEnabled: read.oneOf('QUEUES', ['on', 'off'], 'on') === 'on',
  // For drills: where this process fails on purpose. Parsed by failpoints.ts.
  failpoint: read.text('FAILPOINT', '') || undefined,
  // How long a charge in flight may take after SIGTERM; below the 15 s that supervisors usually allow.
  shutdownGraceMs: read.integer('SHUTDOWN_GRACE_MS', 10_000, { min: 0, max: 300_000 }),
  // Far above any garbage collection, below the minute after which an operator notices. 0: off. See watchdog.ts.
  eventLoopStallMs: read.integer('EVENT_LOOP_STALL_MS', 30_000, { min: 0, max: 600_000 }),
});

const hourMs = 3_600_000;

const httpSettings = (read: Reader) => ({
  // Above every wait that a setting limits, so a slower request is worth a look.
  slowRequestMs: read.integer('SLOW_REQUEST_MS', 12_000, { min: 1, max: hourMs }),
  // An idle connection costs about 20 KiB, so these cost 200 MB; more clients need more replicas.
  httpConnectionsMax: read.integer('HTTP_CONNECTIONS_MAX', 10_000, { min: 1, max: 1_000_000 }),
  // Clients that pipeline send a handful. Requests are handled one after the other, so more would only wait in memory.
  httpPipelinedMax: read.integer('HTTP_PIPELINED_MAX', 32, { min: 1, max: 10_000 }),
  // Headers fit into one or two packets; a client that needs longer wastes a connection.
  httpHeadersMs: read.integer('HTTP_HEADERS_MS', 10_000, { min: 10, max: hourMs }),
  // The largest body is 64 KiB, and 1 MiB in webhooks; any shop's backend sends that in less.
  httpRequestMs: read.integer('HTTP_REQUEST_MS', 30_000, { min: 10, max: hourMs }),
  // Above the longest allowed silence: `Prefer: wait=30`, and an audit of a large database.
  httpStallMs: read.integer('HTTP_STALL_MS', 120_000, { min: 10, max: hourMs }),
  // Each costs a connection and a few KiB, and one query watches all of them.
  streamsMax: read.integer('STREAMS_MAX', 1_000, { min: 1, max: 100_000 }),
  // A quarter of them, so that no key takes them all and a shop can still follow every order of a sale.
  streamsPerKeyMax: read.integer('STREAMS_PER_KEY_MAX', 250, { min: 1, max: 100_000 }),
  // Proxies close connections that are silent for 15 to 60 s.
  streamHeartbeatMs: read.integer('STREAM_HEARTBEAT_MS', 10_000, { min: 10, max: 600_000 }),
  // One query for all streams. A revoked key works for a few more seconds, as it does for requests.
  streamCheckMs: read.integer('STREAM_CHECK_MS', 2_000, { min: 10, max: 600_000 }),
  // A quarter of the second within which a shop hears of a change. A round is two short statements per process.
  eventRoundMs: read.integer('EVENT_ROUND_MS', 250, { min: 5, max: 10_000 }),
  // One query watches all waiting requests, with many of them every 40 ms; this many ids do not slow it down.
  waitsPerKeyMax: read.integer('WAITS_PER_KEY_MAX', 1_000, { min: 1, max: 100_000 }),
});

/**
 * A buyer who has waited this long for a row lock had better retry. Nobody waits for a worker, and its audit reads every
 * row; so does the audit command, on databases where that takes longer. Statement timeouts are above lock timeouts, because
 * the error of the lock says more.
 */
const databaseTimeoutsMs: Record<ProcessRole, { lock: number; statement: number }> = {
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
  // BullMQ on PostgreSQL listens on its connections, which a pooler in transaction mode cannot carry.
  queueDatabaseUrl: read.optionalUrl(
    'QUEUE_DATABASE_URL',
    ['postgres:', 'postgresql:'],
    'postgres://user@127.0.0.1:5432/holdfast',
  ),
  // Without them PostgreSQL parses and plans each statement again; for poolers that do not know them.
  databasePreparedStatements: read.oneOf('DATABASE_PREPARED_STATEMENTS', ['on', 'off'], 'on') === 'on',
  // Two cores get no faster with more connections; they would only wait inside PostgreSQL.
  databasePoolMax: read.integer('DATABASE_POOL_MAX', 20, { min: 2, max: 500 }),
  databaseLockTimeoutMs: read.integer('DATABASE_LOCK_TIMEOUT_MS', databaseTimeoutsMs[role].lock, {
    min: 10,
    max: 600_000,
  }),
  databaseStatementTimeoutMs: read.integer(
    'DATABASE_STATEMENT_TIMEOUT_MS',
    databaseTimeoutsMs[role].statement,
    { min: 10, max: 3_600_000 },
  ),
  // After a move of the database no connection leads to the old server for longer. Ten minutes cost nothing.
  databaseConnectionSecondsMax: read.integer('DATABASE_CONNECTION_SECONDS_MAX', 600, { min: 1, max: 86_400 }),
  // Our transactions wait for nothing but PostgreSQL, so an idle one belongs to a process that hangs.
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
  // A staging system charges nobody. Everywhere else in production a test key would sell goods for no money.
  stripeTestKeysAllowed: read.oneOf('STRIPE_ALLOW_TEST_KEYS', ['0', '1'], '0') === '1',
  // Several while one replaces another: Stripe signs with the old and the new one for up to a day.
  stripeWebhookSecrets: read.secrets(
    'STRIPE_WEBHOOK_SECRET',
    production ? undefined : sandboxWebhookSecret,
    'whsec_…',
  ),
  // Longer than banks usually take. A lost response costs a retry under the same key, never a second charge.
  paymentTimeoutMs: read.integer('PAYMENT_TIMEOUT_MS', 5_000, { min: 50, max: 120_000 }),
  // Calls in flight per worker: the limit of a small Stripe account (100/s) at a quarter of a second each.
  paymentConcurrencyMax: read.integer('PAYMENT_CONCURRENCY_MAX', 64, { min: 1, max: 1_000 }),
  // How long a buyer may take for 3-D Secure, within the reservation's lifetime. As long as stock is reserved for by default.
  paymentActionSeconds: read.integer('PAYMENT_ACTION_SECONDS', 600, { min: 1, max: 86_400 }),
  // How long before an authorization ends that has not been captured a review case appears: a day, for shops that ship daily.
  paymentCaptureNoticeSeconds: read.integer('PAYMENT_CAPTURE_NOTICE_SECONDS', 86_400, {
    min: 1,
    max: 604_800,
  }),
  // The provider's search lags by up to a minute or so: an authorization whose key holds an error is searched this long
  // after it was sent, and again after twice as long.
  paymentSearchDelayMs: read.integer('PAYMENT_SEARCH_DELAY_MS', 60_000, { min: 10, max: 3_600_000 }),
  // When a refund that is still under way is looked at again: the first time, then twice as long, up to the maximum. Most
  // take minutes, some banks take weeks.
  paymentCheckMs: read.integer('PAYMENT_CHECK_MS', 60_000, { min: 10, max: 3_600_000 }),
  paymentCheckMsMax: read.integer('PAYMENT_CHECK_MS_MAX', 21_600_000, { min: 10, max: 86_400_000 }),
  // What happens to a charge that arrives after its order was given up. The buyer wanted the goods and has paid;
  // `refund` is for shops that must not sell late.
  latePayment: read.oneOf('LATE_PAYMENT', ['reacquire-else-refund', 'refund'], 'reacquire-else-refund'),
  // UTC. Few shops sell at night. Each run begins where the last one ended, so the hour does not decide what is compared.
  reconcileHour: read.integer('RECONCILE_HOUR', 3, { min: 0, max: 23 }),
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
  // A working day, so that nobody enters a key twice on one shift.
  sessionSeconds: read.integer('SESSION_SECONDS', 28_800, { min: 1, max: 604_800 }),
  // Only these may name a caller's address and host; anybody else could make them up.
  trustedProxies: read.addresses('TRUSTED_PROXIES'),
});

const reservationSettings = (read: Reader) => ({
  // Ten minutes: enough for a bank's challenge page, and unpaid stock is back on sale soon.
  reservationTtlSeconds: read.integer('RESERVATION_TTL_SECONDS', 600, { min: 1, max: 86_400 }),
  reservationTtlSecondsMax: read.integer('RESERVATION_TTL_SECONDS_MAX', 3_600, { min: 1, max: 86_400 }),
  // The limit for all extensions together; without it a client could keep stock forever without buying.
  reservationLifetimeSecondsMax: read.integer('RESERVATION_LIFETIME_SECONDS_MAX', 1_800, {
    min: 1,
    max: 86_400,
  }),
  // A shop that was down for a holiday catches up. Not below a week: an endpoint's failed events are tried for five days.
  eventRetentionDays: read.integer('EVENT_RETENTION_DAYS', 30, { min: 7, max: 3_650 }),
  // Part of the API's contract: a retry within this time gets the result of the first try.
  idempotencyKeyRetentionHours: read.integer('IDEMPOTENCY_KEY_RETENTION_HOURS', 72, { min: 24, max: 8_760 }),
});

const backgroundSettings = (read: Reader) => ({
  // Must outlast two provider calls; another worker takes over from a dead one after this time.
  sagaLeaseMs: read.integer('SAGA_LEASE_MS', 15_000, { min: 1_000, max: 600_000 }),
  // About one second of a hot SKU. Further requests get 503 with Retry-After at once.
  intakeWaitingMax: read.integer('INTAKE_WAITING_MAX', 2_000, { min: 1, max: 1_000_000 }),
  intakeWaitMsMax: read.integer('INTAKE_WAIT_MS_MAX', 10_000, { min: 1, max: 600_000 }),
  // For messages that were sent but not applied: the queue lost them, or a consumer died. Longer than a usual backlog.
  relayResendMs: read.integer('RELAY_RESEND_MS', 60_000, { min: 100, max: 3_600_000 }),
  // We promise expiry within 5 s with every queue down; this is the sweeper's share of that. The worker that looks has a
  // lease of three rounds, at most 1.8 s, after which another one takes over.
  sweepMs: read.integer('SWEEP_MS', 500, { min: 10, max: 2_000 }),
});

/** Two settings that cannot both be right, in one line. */
function contradictionIn(config: Config): string | undefined {
  if (config.reservationTtlSeconds > config.reservationTtlSecondsMax)
    return `RESERVATION_TTL_SECONDS is ${config.reservationTtlSeconds}, above RESERVATION_TTL_SECONDS_MAX (${config.reservationTtlSecondsMax}). Lower the first or raise the second.`;
  // Two calls, because after an unexpected response the provider's state is read.
  if (config.sagaLeaseMs <= 2 * config.paymentTimeoutMs)
    return `SAGA_LEASE_MS is ${config.sagaLeaseMs}, not above twice PAYMENT_TIMEOUT_MS (${config.paymentTimeoutMs}): a lease must outlast two provider calls. Try SAGA_LEASE_MS=${config.paymentTimeoutMs * 3}.`;
  const webhooks = webhookContradiction(config);
  if (webhooks !== undefined) return webhooks;
  if (config.httpHeadersMs > config.httpRequestMs)
    return `HTTP_HEADERS_MS is ${config.httpHeadersMs}, above HTTP_REQUEST_MS (${config.httpRequestMs}): headers are the first part of a request. Lower the first or raise the second.`;
  if (config.streamHeartbeatMs >= config.httpStallMs)
    return `STREAM_HEARTBEAT_MS is ${config.streamHeartbeatMs}, not below HTTP_STALL_MS (${config.httpStallMs}): a silent event stream would be closed as stalled. Lower the first or raise the second.`;
  // Only the sandbox is without https, and it records every request.
  if (/^[sr]k_live_/.test(config.stripeSecretKey) && !config.stripeApiUrl.startsWith('https:'))
    return 'STRIPE_SECRET_KEY is a live key and STRIPE_API_URL is the payment sandbox, which records every request. Use a test key (sk_test_…), or set STRIPE_API_URL=https://api.stripe.com';
  const keys = Object.values(config.bootstrapKeys);
  if (new Set(keys).size < keys.length)
    return 'HOLDFAST_ADMIN_KEY, HOLDFAST_VIEWER_KEY and HOLDFAST_CLIENT_KEY must differ: one key cannot have two roles. Make each with: openssl rand -hex 20';
  return undefined;
}

/** What is only safe in development, in one line. */
function developmentSettingIn(config: Config): string | undefined {
  if (config.failpoint !== undefined)
    return 'FAILPOINT is set, which production refuses: it makes this process fail on purpose. Unset FAILPOINT.';
  for (const [role, key] of Object.entries(config.bootstrapKeys)) {
    if (Object.values(developmentKeys).includes(key) || key.length < 20)
      return `HOLDFAST_${role.toUpperCase()}_KEY is a development key or shorter than 20 characters, which production refuses. Make one with: openssl rand -hex 20`;
  }
  if (!config.stripeApiUrl.startsWith('https:') || config.stripeSecretKey === sandboxSecretKey)
    return 'STRIPE_API_URL or STRIPE_SECRET_KEY points to the payment sandbox, which production refuses. Unset STRIPE_API_URL and set STRIPE_SECRET_KEY=sk_live_…';
  const [, mode] = /^[sr]k_(live|test)_/.exec(config.stripeSecretKey) ?? [];
  if (mode === undefined)
    return 'STRIPE_SECRET_KEY is no secret or restricted key of Stripe, which production needs. Set STRIPE_SECRET_KEY=sk_live_… or rk_live_…';
  if (mode === 'test' && !config.stripeTestKeysAllowed)
    return 'STRIPE_SECRET_KEY is a test key, with which production would sell goods for no money. Set STRIPE_SECRET_KEY=sk_live_… or rk_live_…, or on a staging system STRIPE_ALLOW_TEST_KEYS=1';
  return undefined;
}
