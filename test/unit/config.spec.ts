import { ConfigError, loadConfig } from '../../src/config/config';

const databaseUrl = { DATABASE_URL: 'postgres://holdfast@127.0.0.1:5432/holdfast' };
const production = {
  ...databaseUrl,
  NODE_ENV: 'production',
  STRIPE_SECRET_KEY: 'sk_live_1234567890',
  STRIPE_WEBHOOK_SECRET: 'whsec_1234567890',
  HOLDFAST_ADMIN_KEY: 'a'.repeat(24),
  HOLDFAST_VIEWER_KEY: 'b'.repeat(24),
  HOLDFAST_CLIENT_KEY: 'c'.repeat(24),
  HOLDFAST_SECRETS_KEY: Buffer.alloc(32, 1).toString('base64'),
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

describe('loadConfig', () => {
  it('needs only DATABASE_URL outside of production', () => {
    expect(loadConfig(databaseUrl)).toMatchObject({
      port: 3000,
      reservationTtlSeconds: 600,
      production: false,
    });
  });

  it.each([
    [undefined, { name: 'main', number: 0 }],
    ['eu1:3', { name: 'eu1', number: 3 }],
    ['e123456789012345:255', { name: 'e123456789012345', number: 255 }],
  ])('reads CELL %s', (CELL, cell) => {
    expect(loadConfig({ ...databaseUrl, CELL }).cell).toEqual(cell);
  });

  it.each(['admin', 'client', 'viewer', 'dev', 'live', 'test'])(
    'refuses a cell called %s, which is how older keys begin',
    (name) => expect(refusalOf({ ...databaseUrl, CELL: `${name}:1` })).toContain(`hf_${name}_`),
  );

  it('accepts production settings when every secret is given', () => {
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
    ...[
      'eu1',
      'EU1:1',
      ':1',
      'eu1:',
      'eu-1:1',
      'eu1:01',
      'eu1:-1',
      'eu1:256',
      'e1234567890123456:1',
      'dev:1',
    ].map((CELL): [string, NodeJS.ProcessEnv] => ['CELL', { ...databaseUrl, CELL }]),
    ['NODE_ENV', { ...databaseUrl, NODE_ENV: 'prod' }],
    ['RESERVATION_TTL_SECONDS', { ...databaseUrl, RESERVATION_TTL_SECONDS: '7200' }],
    ['SAGA_LEASE_MS', { ...databaseUrl, SAGA_LEASE_MS: '4000' }],
    ['HOLDFAST_ADMIN_KEY', { ...databaseUrl, HOLDFAST_ADMIN_KEY: 'hf_dev_client' }],
    ['HOLDFAST_CLIENT_KEY', { ...production, HOLDFAST_CLIENT_KEY: 'hf_dev_client' }],
    ['HOLDFAST_CLIENT_KEY', { ...production, HOLDFAST_CLIENT_KEY: '' }],
    ['HOLDFAST_VIEWER_KEY', { ...production, HOLDFAST_VIEWER_KEY: 'short' }],
    ['STRIPE_API_URL', { ...production, STRIPE_API_URL: 'http://127.0.0.1:3100' }],
    ['STRIPE_SECRET_KEY', { ...production, STRIPE_SECRET_KEY: '' }],
    ['STRIPE_WEBHOOK_SECRET', { ...production, STRIPE_WEBHOOK_SECRET: ' , ' }],
    ['STRIPE_WEBHOOK_SECRET', { ...production, STRIPE_WEBHOOK_SECRET: 'whsec_a,ключ' }],
    ['STRIPE_ALLOW_TEST_KEYS', { ...production, STRIPE_ALLOW_TEST_KEYS: 'yes' }],
    ['LATE_PAYMENT', { ...databaseUrl, LATE_PAYMENT: 'reacquire' }],
    ['RELAY_RESEND_MS', { ...databaseUrl, RELAY_RESEND_MS: '99' }],
    [
      'DATABASE_IDLE_TRANSACTION_TIMEOUT_MS',
      { ...databaseUrl, DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: 'never' },
    ],
    ['TRUSTED_PROXIES', { ...databaseUrl, TRUSTED_PROXIES: '10.0.0.7, proxy.test' }],
    ['TRUSTED_PROXIES', { ...databaseUrl, TRUSTED_PROXIES: '10.0.0.0/33' }],
    ['TRUSTED_PROXIES', { ...databaseUrl, TRUSTED_PROXIES: '10.0.0.0/8, 0.0.0.0/0' }],
    ['TRUSTED_PROXIES', { ...databaseUrl, TRUSTED_PROXIES: '0.0.0.0/1,128.0.0.0/1' }],
    ['TRUSTED_PROXIES', { ...databaseUrl, TRUSTED_PROXIES: '::/0' }],
    ['TRUSTED_PROXIES', { ...databaseUrl, TRUSTED_PROXIES: '::ffff:0:0/96' }],
    ['HOST', { ...databaseUrl, HOST: 'http://127.0.0.1' }],
    ['HOST', { ...databaseUrl, HOST: '127.0.0.1:3000' }],
    ['HOST', { ...databaseUrl, HOST: 'my host' }],
    ['REDIS_URL', { ...databaseUrl, REDIS_URL: 'redis://:pa#ss@127.0.0.1:6379' }],
    ['SESSION_SECONDS', { ...databaseUrl, SESSION_SECONDS: '0' }],
    ['FAILPOINT', { ...production, FAILPOINT: 'intake.before-commit:kill9' }],
    ['FAILPOINT', { ...production, FAILPOINT: 'record' }],
  ])('refuses a wrong setting in one line that names %s (%j)', (name, env) => {
    const message = refusalOf(env);
    expect(message).toContain(name);
    expect(message).not.toContain('\n');
  });

  it.each([
    ['api', 5_000, 10_000],
    ['worker', 10_000, 30_000],
    ['command', 10_000, 600_000],
  ] as const)(
    'gives each process the database timeouts of its role unless they are set (%s)',
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

  it.each([
    'postgres://user:secret@db1:5432,db2:5432/holdfast',
    'postgresql://db1,db2/holdfast',
    'postgres://user@/holdfast?host=db1,db2',
  ])('refuses a URL with several hosts and says what to use instead (%s)', (DATABASE_URL) => {
    expect(refusalOf({ DATABASE_URL })).toMatch(/^DATABASE_URL names several hosts.*proxy.*Example: /);
    expect(refusalOf({ DATABASE_URL })).not.toContain('secret');
  });

  it.each([
    [
      'redis+cluster://10.0.0.1:7000,[::1]:7001',
      {
        kind: 'cluster',
        nodes: [
          { host: '10.0.0.1', port: 7000 },
          { host: '::1', port: 7001 },
        ],
        tls: false,
      },
    ],
    [
      'rediss+cluster://user:a%40b@one,two:6380',
      {
        kind: 'cluster',
        nodes: [
          { host: 'one', port: 6379 },
          { host: 'two', port: 6380 },
        ],
        tls: true,
        username: 'user',
        password: 'a@b',
      },
    ],
    [
      'redis+sentinel://:pw@s1,s2:26380/mymaster/2',
      {
        kind: 'sentinel',
        sentinels: [
          { host: 's1', port: 26379 },
          { host: 's2', port: 26380 },
        ],
        master: 'mymaster',
        db: 2,
        password: 'pw',
      },
    ],
    ['rediss://:pw@redis:6380/1', { kind: 'single', url: 'rediss://:pw@redis:6380/1', tls: true }],
  ])('reads the address of the queues from %s', (REDIS_URL, address) => {
    expect(loadConfig({ ...databaseUrl, REDIS_URL }).redis).toMatchObject(address);
  });

  it.each([
    [
      'redis+sentinel://s1:26379,s2:26379',
      /master that the Sentinels watch.*Example: REDIS_URL=redis\+sentinel:.*mymaster$/,
    ],
    ['redis+sentinel://s1:26379/', /master that the Sentinels watch/],
    ['redis+cluster://one:6379,:6380', /does not name hosts.*Example: REDIS_URL=redis\+cluster:/],
    ['redis+cluster://one:99999', /does not name hosts/],
    ['redis+cluster://', /does not name hosts/],
    ['redis+cluster://one:6379/3', /names a database/],
    ['redis+cluster://u:%zz@one', /percent-encoded/],
    ['redis+socket://one', /is not a URL that starts with redis/],
  ])('refuses %s and names the remedy', (REDIS_URL, problem) => {
    expect(refusalOf({ ...databaseUrl, REDIS_URL })).toMatch(problem);
    expect(refusalOf({ ...databaseUrl, REDIS_URL })).not.toContain('\n');
  });

  it('reads a password and options with commas', () => {
    const DATABASE_URL = 'postgres://user:a,b@db1/holdfast?options=-c%20search_path%3Da,b';
    expect(loadConfig({ DATABASE_URL }).databaseUrl).toBe(DATABASE_URL);
  });

  it('reads proxies given by address and by network', () => {
    const TRUSTED_PROXIES = '10.0.0.7, 10.1.0.0/16,fd00::/8';
    expect(loadConfig({ ...databaseUrl, TRUSTED_PROXIES }).trustedProxies).toEqual([
      '10.0.0.7',
      '10.1.0.0/16',
      'fd00::/8',
    ]);
    expect(loadConfig(databaseUrl).trustedProxies).toEqual([]);
  });

  it('refuses to trust everybody as a proxy and says why', () => {
    expect(refusalOf({ ...databaseUrl, TRUSTED_PROXIES: '0.0.0.0/0' })).toMatch(
      /^TRUSTED_PROXIES holds "0\.0\.0\.0\/0", which trusts everybody/,
    );
  });

  it.each(['0.0.0.0', '::1', '[::1]', '::', 'localhost', 'api.internal', 'holdfast-api_1', 'a'])(
    'accepts HOST=%s',
    (HOST) => {
      expect(loadConfig({ ...databaseUrl, HOST }).host).toBe(HOST.replace(/[[\]]/g, ''));
    },
  );

  it.each([
    'postgres://holdfast:pa#ss@db:5432/holdfast',
    'postgres://holdfast:5#ss@db:5432/holdfast',
    'postgres://holdfast:pa/ss@db:5432/holdfast',
    'postgres://holdfast:5/ss@db:5432/holdfast',
    'postgres://holdfast:p@5/ss@db:5432/holdfast',
    'postgres://holdfast:pa?ss@db:5432/holdfast',
    'postgres://holdfast:5?ss@db:5432/holdfast',
    'postgres://holdfast:100%@db:5432/holdfast',
    'postgres://holdfast:p%zz@db:5432/holdfast',
  ])('says how to encode the password in %s without repeating it', (url) => {
    const message = refusalOf({ DATABASE_URL: url });
    expect(message).toMatch(/^DATABASE_URL cannot be read: .*# as %23.*encodeURIComponent/);
    expect(message).not.toContain(url.slice('postgres://holdfast:'.length, url.lastIndexOf('@')));
    expect(message).not.toContain('\n');
  });

  it.each([
    'postgres://holdfast:pa%23ss@db:5432/holdfast',
    'postgres://db/holdfast?options=-c%20application_name%3Da%40b',
    'postgres://me@db/holdfast?options=-c%20application_name%3Da@b',
    'postgresql:///holdfast',
  ])('accepts DATABASE_URL=%s', (url) => {
    expect(loadConfig({ DATABASE_URL: url }).databaseUrl).toBe(url);
  });

  it.each(['sk_live_1234567890', 'rk_live_1234567890'])(
    'P13: accepts the live key %s in production',
    (key) => {
      expect(loadConfig({ ...production, STRIPE_SECRET_KEY: key }).stripeSecretKey).toBe(key);
    },
  );

  it.each(['sk_test_1234567890', 'rk_test_1234567890'])(
    'P13: refuses the test key %s in production unless STRIPE_ALLOW_TEST_KEYS is 1',
    (key) => {
      const env = { ...production, STRIPE_SECRET_KEY: key };
      expect(refusalOf(env)).toMatch(/^STRIPE_SECRET_KEY .*sk_live_.*STRIPE_ALLOW_TEST_KEYS=1/);
      expect(refusalOf({ ...env, STRIPE_ALLOW_TEST_KEYS: '0' })).not.toContain(key);
      expect(loadConfig({ ...env, STRIPE_ALLOW_TEST_KEYS: '1' }).stripeSecretKey).toBe(key);
      expect(loadConfig({ ...databaseUrl, STRIPE_SECRET_KEY: key }).stripeSecretKey).toBe(key);
    },
  );

  it.each(['pk_live_1234567890', 'whsec_1234567890', 'sk_1234567890', ' sk_liveX'])(
    'P13: refuses %s, which is no secret key of Stripe, in production',
    (key) => {
      const env = { ...production, STRIPE_SECRET_KEY: key };
      for (const STRIPE_ALLOW_TEST_KEYS of ['0', '1'])
        expect(refusalOf({ ...env, STRIPE_ALLOW_TEST_KEYS })).toMatch(/^STRIPE_SECRET_KEY is no /);
    },
  );

  it.each(['sk_live_1234567890', 'rk_live_1234567890'])(
    'P13: refuses the live key %s for the sandbox, in every environment',
    (key) => {
      for (const env of [
        { ...databaseUrl, STRIPE_SECRET_KEY: key },
        { ...databaseUrl, STRIPE_SECRET_KEY: key, STRIPE_API_URL: 'http://sandbox:3100' },
        { ...databaseUrl, NODE_ENV: 'test', STRIPE_SECRET_KEY: key },
      ]) {
        expect(refusalOf(env)).toMatch(/STRIPE_SECRET_KEY.*live key.*sandbox/);
        expect(refusalOf(env)).not.toContain(key);
      }
      const real = { ...databaseUrl, STRIPE_SECRET_KEY: key, STRIPE_API_URL: 'https://api.stripe.com' };
      expect(loadConfig(real).stripeSecretKey).toBe(key);
    },
  );

  it('P27: reads one or several webhook secrets', () => {
    const secretsOf = (STRIPE_WEBHOOK_SECRET: string) =>
      loadConfig({ ...production, STRIPE_WEBHOOK_SECRET }).stripeWebhookSecrets;
    expect(secretsOf('whsec_one')).toEqual(['whsec_one']);
    expect(secretsOf('whsec_one, whsec_two,')).toEqual(['whsec_one', 'whsec_two']);
    expect(loadConfig(databaseUrl).stripeWebhookSecrets).toEqual(['whsec_holdfast_sandbox']);
  });

  it('reads LATE_PAYMENT', () => {
    expect(loadConfig(databaseUrl).latePayment).toBe('reacquire-else-refund');
    expect(loadConfig({ ...databaseUrl, LATE_PAYMENT: 'refund' }).latePayment).toBe('refund');
  });

  it('does not repeat a wrong URL, which may carry a password', () => {
    expect(refusalOf({ DATABASE_URL: 'mysql://root:hunter2@db' })).not.toContain('hunter2');
  });
});
