import { ConfigError, loadConfig } from '../../src/config';

const databaseUrl = { DATABASE_URL: 'postgres://holdfast@127.0.0.1:5432/holdfast' };
const production = {
  ...databaseUrl,
  NODE_ENV: 'production',
  STRIPE_SECRET_KEY: 'sk_live_1234567890',
  STRIPE_WEBHOOK_SECRET: 'whsec_1234567890',
  HOLDFAST_ADMIN_KEY: 'a'.repeat(24),
  HOLDFAST_VIEWER_KEY: 'b'.repeat(24),
  HOLDFAST_CLIENT_KEY: 'c'.repeat(24),
};
const refusalOf = (env: NodeJS.ProcessEnv): string => {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('these settings were accepted');
};

describe('the settings', () => {
  it('need nothing but a database outside production', () => {
    expect(loadConfig(databaseUrl)).toMatchObject({
      port: 3000,
      reservationTtlSeconds: 600,
      production: false,
    });
  });

  it('are accepted in production when every secret is given', () => {
    expect(loadConfig(production)).toMatchObject({
      production: true,
      stripeApiUrl: 'https://api.stripe.com',
    });
  });

  it.each([
    ['DATABASE_URL', {}],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://x' }],
    ['PORT', { ...databaseUrl, PORT: '70000' }],
    ['PORT', { ...databaseUrl, PORT: '3e3' }],
    ['PORT', { ...databaseUrl, PORT: 'http' }],
    ['REDIS_URL', { ...databaseUrl, REDIS_URL: 'localhost:6379' }],
    ['NODE_ENV', { ...databaseUrl, NODE_ENV: 'prod' }],
    ['RESERVATION_TTL_SECONDS', { ...databaseUrl, RESERVATION_TTL_SECONDS: '7200' }],
    ['SAGA_LEASE_MS', { ...databaseUrl, SAGA_LEASE_MS: '4000' }],
    ['HOLDFAST_ADMIN_KEY', { ...databaseUrl, HOLDFAST_ADMIN_KEY: 'hf_dev_client' }],
    ['HOLDFAST_CLIENT_KEY', { ...production, HOLDFAST_CLIENT_KEY: 'hf_dev_client' }],
    ['HOLDFAST_CLIENT_KEY', { ...production, HOLDFAST_CLIENT_KEY: '' }],
    ['HOLDFAST_VIEWER_KEY', { ...production, HOLDFAST_VIEWER_KEY: 'short' }],
    ['STRIPE_API_URL', { ...production, STRIPE_API_URL: 'http://127.0.0.1:3100' }],
    ['STRIPE_SECRET_KEY', { ...production, STRIPE_SECRET_KEY: '' }],
    ['LATE_PAYMENT', { ...databaseUrl, LATE_PAYMENT: 'reacquire' }],
    ['RELAY_RESEND_MS', { ...databaseUrl, RELAY_RESEND_MS: '99' }],
    [
      'DATABASE_IDLE_TRANSACTION_TIMEOUT_MS',
      { ...databaseUrl, DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: 'never' },
    ],
    ['TRUSTED_PROXIES', { ...databaseUrl, TRUSTED_PROXIES: '10.0.0.7, proxy.test' }],
    ['TRUSTED_PROXIES', { ...databaseUrl, TRUSTED_PROXIES: '10.0.0.0/33' }],
    ['SESSION_SECONDS', { ...databaseUrl, SESSION_SECONDS: '0' }],
    ['FAILPOINT', { ...production, FAILPOINT: 'intake.before-commit:kill9' }],
    ['FAILPOINT', { ...production, FAILPOINT: 'record' }],
  ])('are refused in one line that names %s (%j)', (name, env) => {
    const message = refusalOf(env);
    expect(message).toContain(name);
    expect(message).not.toContain('\n');
  });

  it.each([
    ['api', 5_000, 10_000],
    ['worker', 10_000, 30_000],
    ['command', 10_000, 600_000],
  ] as const)(
    'give each process the patience of its role, unless they name it (%s)',
    (role, lock, statement) => {
      expect(loadConfig(databaseUrl, role)).toMatchObject({
        databaseLockTimeoutMs: lock,
        databaseStatementTimeoutMs: statement,
        databaseIdleTransactionTimeoutMs: 5_000,
      });
      const named = { DATABASE_LOCK_TIMEOUT_MS: '70', DATABASE_STATEMENT_TIMEOUT_MS: '80' };
      expect(loadConfig({ ...databaseUrl, ...named }, role)).toMatchObject({
        databaseLockTimeoutMs: 70,
        databaseStatementTimeoutMs: 80,
      });
    },
  );

  it('name proxies by address and by network', () => {
    const TRUSTED_PROXIES = '10.0.0.7, 10.1.0.0/16,fd00::/8';
    expect(loadConfig({ ...databaseUrl, TRUSTED_PROXIES }).trustedProxies).toEqual([
      '10.0.0.7',
      '10.1.0.0/16',
      'fd00::/8',
    ]);
    expect(loadConfig(databaseUrl).trustedProxies).toEqual([]);
  });

  it('choose what becomes of a late charge', () => {
    expect(loadConfig(databaseUrl).latePayment).toBe('reacquire-else-refund');
    expect(loadConfig({ ...databaseUrl, LATE_PAYMENT: 'refund' }).latePayment).toBe('refund');
  });

  it('are refused without repeating a URL that may carry a password', () => {
    expect(refusalOf({ DATABASE_URL: 'mysql://root:hunter2@db' })).not.toContain('hunter2');
  });
});
