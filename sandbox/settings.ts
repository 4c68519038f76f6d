/** Where the sandbox listens, what it believes, and where it tells what happened. */
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
  /** How long a reordering intent must be quiet before its events go out, last first. */
  reorderQuietMs: number;
}

/** A setting that cannot be used: one line with the variable, what is wrong with it, and one that would do. */
export class SettingsError extends Error {
  constructor(variable: string, problem: string, example: string) {
    super(`${variable} ${problem}, for example ${variable}=${example}`);
  }
}

/** Reads the settings from the environment. An empty variable counts as unset: compose files pass those. */
export function readSettings(env: NodeJS.ProcessEnv): SandboxSettings {
  if (env.NODE_ENV === 'production') {
    throw new SettingsError(
      'NODE_ENV',
      'is production, and the payment sandbox never runs there: it moves no real money',
      'development',
    );
  }
  const apiPort = port(env, 'PORT', 3000);

  return {
    host: env.SANDBOX_HOST || '127.0.0.1',
    port: port(env, 'SANDBOX_PORT', 3100),
    dataDir: env.HOLDFAST_DATA_DIR || '.holdfast',
    secretKey: prefixed(env, 'STRIPE_SECRET_KEY', 'sk_test_', 'sk_test_holdfast_sandbox'),
    webhookSecret: prefixed(env, 'STRIPE_WEBHOOK_SECRET', 'whsec_', 'whsec_holdfast_sandbox'),
    webhookUrl: httpUrl(
      env,
      'SANDBOX_WEBHOOK_URL',
      `http://127.0.0.1:${apiPort}/v1/payments/webhooks/stripe`,
    ),
    keyWindowSeconds: wholeNumber(env, 'SANDBOX_KEY_WINDOW_SECONDS', {
      otherwise: 86_400,
      // Thirty days, what the longest of Stripe's windows is.
      max: 2_592_000,
    }),
    webhookRetryMs: 1_000,
    // A saga captures within milliseconds of authorizing; two seconds also cover a slow machine.
    reorderQuietMs: 2_000,
  };
}

/** Zero is allowed: any free port, which the line on stdout then names. */
function port(env: NodeJS.ProcessEnv, variable: string, otherwise: number): number {
  const text = env[variable];
  if (!text) return otherwise;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new SettingsError(variable, `is "${text}", which is not a port (0 to 65535)`, String(otherwise));
  }
  return Number(text);
}

function wholeNumber(
  env: NodeJS.ProcessEnv,
  variable: string,
  { otherwise, max }: { otherwise: number; max: number },
): number {
  const text = env[variable];
  if (!text) return otherwise;
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1 || Number(text) > max) {
    throw new SettingsError(
      variable,
      `is "${text}", which is not a whole number from 1 to ${max}`,
      String(otherwise),
    );
  }
  return Number(text);
}

/** The prefix is what keeps a live key out of a process that writes down all it hears. */
function prefixed(env: NodeJS.ProcessEnv, variable: string, prefix: string, otherwise: string): string {
  const text = env[variable];
  if (!text) return otherwise;
  // The value itself stays out of the message: it may be a real secret in the wrong place.
  if (!text.startsWith(prefix) || !/^[\x21-\x7e]+$/.test(text)) {
    throw new SettingsError(variable, `does not start with "${prefix}"`, otherwise);
  }
  return text;
}

function httpUrl(env: NodeJS.ProcessEnv, variable: string, otherwise: string): string {
  const text = env[variable];
  if (!text) return otherwise;
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new SettingsError(variable, `is "${text}", which is not an http or https URL`, otherwise);
  }
  return text;
}
