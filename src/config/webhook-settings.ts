import type { Reader } from './settings-reader';

/** Known to everybody, so that a development machine needs no setting. */
const developmentSecretsKey = Buffer.alloc(32, 'holdfast development only ').toString('base64');

const keyExample = '$(openssl rand -base64 32)';

const retrySeconds = [5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400];

/** Of webhooks to shops. Those that the payment provider sends us are among the payment settings. */
export const webhookSettings = (read: Reader, production: boolean) => ({
  // Encrypts the endpoints' secrets. The first value encrypts; a second opens what was encrypted before a change.
  secretsKeys: keysOf(
    read,
    read.secrets('HOLDFAST_SECRETS_KEY', production ? undefined : developmentSecretsKey, keyExample),
    production,
  ),
  // Receivers in our own network. Loopback in development, where the shop runs on the same machine.
  webhookAllowedNetworks: allowedNetworks(read, production),
  webhookHttpAllowed: !production,
  // A receiver stores the event and answers; what takes longer it does afterwards.
  webhookTimeoutMs: read.integer('WEBHOOK_TIMEOUT_MS', 10_000, { min: 50, max: 60_000 }),
  // Outlasts the time in which a batch begins new tries, and the last of them.
  webhookLeaseMs: read.integer('WEBHOOK_LEASE_MS', 20_000, { min: 100, max: 600_000 }),
  // Quick at first, because most failures are restarts; some three days in all.
  webhookRetrySeconds: retryTimes(read, read.list('WEBHOOK_RETRY_SECONDS')),
  // How often an endpoint that only fails is tried.
  webhookProbeSeconds: read.number('WEBHOOK_PROBE_SECONDS', 900, { min: 0.01, max: 86_400 }),
  // Five days: a long weekend and two working days.
  webhookFailingSecondsMax: read.number('WEBHOOK_FAILING_SECONDS_MAX', 432_000, { min: 0.1, max: 2_592_000 }),
  // Tries in flight per worker, and per endpoint, so that a slow receiver holds few of them.
  webhookConcurrencyMax: read.integer('WEBHOOK_CONCURRENCY_MAX', 64, { min: 1, max: 1_000 }),
  webhookConcurrencyPerEndpointMax: read.integer('WEBHOOK_CONCURRENCY_PER_ENDPOINT_MAX', 8, {
    min: 1,
    max: 1_000,
  }),
});

export type WebhookSettings = ReturnType<typeof webhookSettings>;

/** Two settings that cannot both be right, in one line. */
export function webhookContradiction({
  webhookLeaseMs,
  webhookTimeoutMs,
}: WebhookSettings): string | undefined {
  if (webhookLeaseMs >= 1.5 * webhookTimeoutMs) return undefined;
  return `WEBHOOK_LEASE_MS is ${webhookLeaseMs}, below one and a half times WEBHOOK_TIMEOUT_MS (${webhookTimeoutMs}): another worker would begin while a try is under way. Try WEBHOOK_LEASE_MS=${2 * webhookTimeoutMs}.`;
}

function keysOf(read: Reader, keys: string[], production: boolean): Buffer[] {
  const name = 'HOLDFAST_SECRETS_KEY';
  if (keys.length > 2) read.refuse(name, 'holds more than two keys: the new one and the old one', keyExample);
  if (production && keys.includes(developmentSecretsKey))
    read.refuse(name, 'is the development key, which everybody knows', keyExample);
  return keys.map((key) => {
    const bytes = Buffer.from(key, 'base64');
    if (bytes.length !== 32 || bytes.toString('base64') !== key)
      read.refuse(name, 'is not 32 bytes in base64 (44 characters)', keyExample);
    return bytes;
  });
}

function allowedNetworks(read: Reader, production: boolean): string[] {
  const networks = read.addresses('WEBHOOK_ALLOWED_NETWORKS');
  return networks.length > 0 || production ? networks : ['127.0.0.0/8', '::1/128'];
}

function retryTimes(read: Reader, given: string[]): number[] {
  if (given.length === 0) return retrySeconds;
  return given.map((text) => {
    const value = Number(text);
    if (!(value >= 0.01 && value <= 604_800))
      read.refuse(
        'WEBHOOK_RETRY_SECONDS',
        `holds "${text}", not a number from 0.01 to 604800`,
        retrySeconds.join(','),
      );
    return value;
  });
}
