import type { Account, StepOutcome } from '../../src/payment/stripe-check/run-scenario';
import { scenarios } from '../../src/payment/stripe-check/scenarios';
import { BranchCoverage, type Reached } from '../support/branch-coverage';
import { runCommand } from '../support/command';
import { TestSandbox, secretKey } from './harness';

/** What turns the provider's responses into results. */
const gateway = ['/gateways/stripe-errors.ts', '/gateways/stripe.gateway.ts', '/payment/ask-provider.ts'];

/** How code of the gateway begins that no scenario reaches, and why. */
const unreachable: Record<string, string> = {
  '/gateways/stripe-errors.ts: return unknown(`unexpected: ': 'a bug of ours',
  '/gateways/stripe-errors.ts: ?? error?.code': 'every decline of the sandbox has a decline_code',
  '/gateways/stripe-errors.ts: ?? otherwise': 'the same',
  '/gateways/stripe-errors.ts: ?? error.type': 'every error of the sandbox has a type',
  "/gateways/stripe-errors.ts: return 'no_clear_answer';": 'no such status is known',
  '/gateways/stripe.gateway.ts: || (isSecure ? 443 : 80)': 'the sandbox is not behind HTTPS',
  "/gateways/stripe.gateway.ts: ? 'https'": 'the same',
  '/gateways/stripe.gateway.ts: ? (0, _stripeerrors.unknown)(`it could not be looked up: ':
    'no look is declined',
  '/gateways/stripe.gateway.ts: return notDone(`no refund of ':
    'refunds in part are asked for by payment tasks',
  '/gateways/stripe.gateway.ts: ?? refund.status': 'the sandbox cancels no refund',
  '/gateways/stripe.gateway.ts: ?? error?.code': 'every decline of the sandbox has a decline_code',
  '/gateways/stripe.gateway.ts: ?? status': 'the same',
  '/gateways/stripe.gateway.ts: ? (0, _stripeerrors.unknown)(`':
    'a response without an error and without effect',
  "/payment/ask-provider.ts: (mode)=>mode !== 'look' && mode !== 'search'": 'asked by the saga',
  '/payment/ask-provider.ts: : result': 'the look after a refusal is not refused itself',
  '/payment/ask-provider.ts: throw new Error(`Bug: ': 'a bug of ours',
};

/** Scenarios that reach no branch that all others miss, and what they are for. */
const otherwise: Record<string, string> = {
  'both in one call, repeated, looked at and refunded': 'as an authorization',
  'a card without money': 'another code of the same branch',
  'a card that wants 3-D Secure, given up': 'the next waits for the buyer too',
  'both in one call with a card that wants 3-D Secure, given up': 'the last waits for the buyer too',
  'an amount below the minimum': 'shares its branch with the next',
  'an amount above the maximum': 'shares its branch with the last',
  'a currency without decimals': 'the amount is the same at Stripe',
  'an amount that is no multiple of 100 ISK': 'its code at Stripe is not documented',
  'a card that does not exist': 'another field of the same branch',
  'a wrong API key': 'a 401 is a mistake of ours like a 403',
  'a payment that does not exist': 'a 404 is a mistake of ours like a 400',
  'a refund of a disputed charge': 'another code of the same branch',
  'a saved card, without its customer and with it': 'the customer cures it',
  'a payment with every option that a buyer is asked for': 'they change no answer',
  'a buyer who is away, with a card that wants 3-D Secure': 'it is declined instead of pending',
  'options that are refused, and then the card alone': 'each field has a step',
  'a bank that authorizes half': 'the amount is not the one that was asked for',
  'a bank that lets half be charged': 'the same',
  'a restricted API key without the permission': 'a 403 is a mistake of ours like a 401',
  'a capture that is refused': 'what is left of the authorization is not documented',
  'a server error': 'the same key succeeds',
  'a saved server error: authorized': 'a search finds it',
  'a saved server error: charged': 'a search finds it',
  'a saved server error: captured': 'a look finds it',
  'too many requests, without Retry-After': 'no pause is invented',
};

let sandbox: TestSandbox;
let callersAmounts: readonly string[];
let callersFields: readonly string[];
const coverage = new BranchCoverage(gateway);
const answers = new Map<string, string[]>();
const reached = new Map<string, Reached>();

const account = (): Account => ({
  stripeApiUrl: sandbox.url,
  stripeSecretKey: secretKey,
  paymentTimeoutMs: 20_000,
  patienceMs: 20_000,
  everyMs: 10,
});

/** Runs all scenarios once, with what each reaches. */
beforeAll(async () => {
  sandbox = await TestSandbox.start();
  await coverage.start();
  // Loaded only now, so that its blocks are counted.
  const { runScenario } = await import('../../src/payment/stripe-check/run-scenario.js');
  ({ callersAmounts, callersFields } = await import('../../src/payment/gateways/stripe-errors.js'));
  for (const scenario of scenarios) {
    const outcomes: StepOutcome[] = await runScenario(scenario, scenario.method.sandbox, account());
    answers.set(
      scenario.name,
      outcomes.map(({ answer }) => answer),
    );
    reached.set(scenario.name, await coverage.take());
  }
});
afterAll(async () => {
  coverage.stop();
  await sandbox.stop();
});

const asListed = (piece: string) =>
  Object.keys(unreachable).find((start) => piece.startsWith(start)) ?? piece;
/** Planted: the list without one scenario. */
const unreachedWithout = (name: string) =>
  coverage
    .unreached([...reached].filter(([one]) => one !== name).map(([, run]) => run))
    .map(asListed)
    .filter((piece) => !(piece in unreachable));

describe('the scenarios of npm run stripe-check', () => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    'end at the sandbox as they are written: %s',
    (name, { steps }) => {
      expect(answers.get(name)).toEqual(steps.map(({ answer }) => answer));
    },
  );

  it('reach every branch of the gateway', () => {
    expect(coverage.unreached([...reached.values()]).map(asListed)).toEqual(Object.keys(unreachable));
  });

  it('reach each a branch that no other reaches, unless they are listed', () => {
    const names = scenarios.map(({ name }) => name);
    const all = unreachedWithout('no scenario').length;
    expect(names.filter((name) => unreachedWithout(name).length === all)).toEqual(Object.keys(otherwise));
  });

  it('show every value of the caller that Stripe refuses', () => {
    const shown = scenarios.flatMap(({ steps }) => steps.map(({ answer }) => answer.split(',')[0]));
    const codes = [...callersFields.map((field) => `invalid_${field}`), ...callersAmounts];
    expect(shown).toEqual(expect.arrayContaining(codes.map((code) => `declined ${code}`)));
  });

  it('say why Stripe cannot show a scenario, and only then leave it out', () => {
    expect(scenarios.filter(({ method, onlySandbox }) => !method.stripe !== Boolean(onlySandbox))).toEqual(
      [],
    );
  });
});

describe('npm run stripe-check', () => {
  const check = (env: NodeJS.ProcessEnv) =>
    runCommand('dist/payment/stripe-check/stripe-check-command.js', [], {
      STRIPE_SECRET_KEY: '',
      STRIPE_API_URL: '',
      ...env,
    });

  it('is skipped without a key, loudly and with exit code 3', async () => {
    expect(await check({})).toEqual({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/^SKIPPED: nothing was checked.*sk_test_/),
    });
  });

  it.each(['sk_live_1234567890', 'rk_live_1234567890', 'pk_test_1234567890'])(
    'refuses the key %s and does not repeat it',
    async (key) => {
      const { code, stdout, stderr } = await check({ STRIPE_SECRET_KEY: key });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/no test key/);
      expect(stderr).not.toContain(key);
    },
  );

  it("refuses the sandbox's own key at Stripe", async () => {
    const { code, stderr } = await check({ STRIPE_SECRET_KEY: secretKey });
    expect(code).toBe(2);
    expect(stderr).toMatch(/sandbox's own key/);
  });

  it('says that every scenario is the same, and what is still open', async () => {
    const { code, stdout } = await check({ STRIPE_SECRET_KEY: secretKey, STRIPE_API_URL: sandbox.url });
    expect(stdout).not.toContain('DIFFERS');
    expect(stdout).toContain(`${scenarios.length} the same, 0 differ, 0 left out.`);
    expect(stdout).toMatch(/open: What does a refused capture leave behind\? Here: unknown no_clear_answer/);
    expect(stdout).not.toContain(secretKey);
    expect(code).toBe(0);
  });

  it('names the permissions that a restricted key lacks', async () => {
    const key = 'rk_test_without_charges';
    await fetch(`${sandbox.url}/sandbox/restricted-keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key, permissions: ['rak_payment_intent_read', 'rak_payment_intent_write'] }),
    });
    const { code, stdout } = await check({ STRIPE_SECRET_KEY: key, STRIPE_API_URL: sandbox.url });
    expect(stdout).toContain(
      'The key lacks these permissions: rak_charge_read, rak_charge_write, rak_dispute_read\n',
    );
    expect(stdout).toContain('refund (look): misused 403 invalid_request_error, and the sandbox: approved');
    expect(stdout).not.toContain(key);
    expect(stdout).toContain('DIFFERS   a refund in the dashboard');
    expect(code).toBe(1);
  });
});
