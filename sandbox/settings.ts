/** Where the sandbox listens, which keys it accepts, and where it sends webhooks. */
export interface SandboxSettings {
  host: string;
  port: number;
  dataDir: string;
  secretKey: string;
  webhookSecret: string;
  webhookUrl: string;
  /** The wait before the second try of a webhook; each further wait is twice as long. */
  webhookRetryMs: number;
  /** How long an idempotency key is remembered. */
  keyWindowSeconds: number;
  /** How long a search does not find an intent that was just made. */
  searchLagMs: number;
  /** How long an intent with reversed webhooks must be quiet before they are sent, last first. */
  reorderQuietMs: number;
}

/** A setting that cannot be used, in one line: the variable, what is wrong with it, and an example. */
export class SettingsError extends Error {
  constructor(variable: string, problem: string, example: string) {
    super(`${variable} ${problem}, for example ${variable}=${example}`);
  }
}

/** Reads the settings from the environment. An empty variable counts as unset, because Compose files pass those. */
export function readSettings(env: NodeJS.ProcessEnv): SandboxSettings {
  if (env.NODE_ENV === 'production') {
    throw new SettingsError(
      'NODE_ENV',
      'is production, and the payment sandbox never runs there: it moves no real money',
      'development',
    );
  }
  const apiPort = integer(env, 'PORT', 3000, { min: 0, max: 65_535 });
  return {
    host: env.SANDBOX_HOST || '127.0.0.1',
    // 0 is any free port; the line on stdout then names it.
    port: integer(env, 'SANDBOX_PORT', 3100, { min: 0, max: 65_535 }),
    dataDir: env.HOLDFAST_DATA_DIR || '.holdfast',
    // The prefix keeps live keys out of a process that records every request.
    secretKey: prefixed(env, 'STRIPE_SECRET_KEY', 'sk_test_', 'sk_test_holdfast_sandbox'),
    webhookSecret: prefixed(env, 'STRIPE_WEBHOOK_SECRET', 'whsec_', 'whsec_holdfast_sandbox'),
    webhookUrl: httpUrl(
      env,
      'SANDBOX_WEBHOOK_URL',
      `http://127.0.0.1:${apiPort}/v1/payments/webhooks/stripe`,
    ),
    // At most thirty days, the longest of Stripe's windows.
    keyWindowSeconds: integer(env, 'SANDBOX_KEY_WINDOW_SECONDS', 86_400, { min: 1, max: 2_592_000 }),
    // Stripe's takes up to a minute. A second is enough to break a client that counts on finding what it just made.
    searchLagMs: integer(env, 'SANDBOX_SEARCH_LAG_MS', 1_000, { min: 0, max: 3_600_000 }),
    webhookRetryMs: 1_000,
    // A saga captures within milliseconds of authorizing; two seconds also cover a slow machine.
    reorderQuietMs: 2_000,
  };
}

function integer(
  env: NodeJS.ProcessEnv,
  variable: string,
  fallback: number,
  { min, max }: { min: number; max: number },
): number {
  const text = env[variable] || String(fallback);
  if (/^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
  throw new SettingsError(
    variable,
    `is "${text}", which is not a whole number from ${min} to ${max}`,
    String(fallback),
  );
}

/** The value itself stays out of the message: it may be a real secret in the wrong place. */
function prefixed(env: NodeJS.ProcessEnv, variable: string, prefix: string, fallback: string): string {
  const text = env[variable] || fallback;
  if (text.startsWith(prefix) && /^[\x21-\x7e]+$/.test(text)) return text;
  if (/^(sk|rk)_live_/.test(text))
    throw new SettingsError(
      variable,
      'is a live key of Stripe, which the payment sandbox never takes: it moves no real money',
      fallback,
    );
  throw new SettingsError(variable, `does not start with "${prefix}"`, fallback);
}

function httpUrl(env: NodeJS.ProcessEnv, variable: string, fallback: string): string {
  const text = env[variable] || fallback;
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new SettingsError(variable, `is "${text}", which is not an http or https URL`, fallback);
}
