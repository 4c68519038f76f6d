import { gatewayAnswers } from '../../src/payment/stripe-check/gateway-answers';
import { type Account, runScenario } from '../../src/payment/stripe-check/run-scenario';
import { type Scenario, scenarios } from '../../src/payment/stripe-check/scenarios';
import { runCommand } from '../support/command';
import { TestSandbox, secretKey } from './harness';

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await TestSandbox.start();
});
afterAll(() => sandbox.stop());

const account = (): Account => ({
  stripeApiUrl: sandbox.url,
  stripeSecretKey: secretKey,
  // Only a response that is lost waits for it.
  paymentTimeoutMs: 2_000,
  patienceMs: 20_000,
  everyMs: 10,
});

/** `approved 1999 EUR` as the table of answers names it. */
const kindOf = (answer: string) => (answer.startsWith('unknown') ? answer : answer.split(' ')[0]!);
const named = Object.values(gatewayAnswers).flat();

/** What is wrong with a table of answers and a list of scenarios. */
function gaps(answers: Record<string, readonly string[]>, list: readonly Scenario[]): string[] {
  const shows = (name: string, answer: string) =>
    list.some((one) => one.name === name && one.steps.some((step) => kindOf(step.answer) === answer));
  const all = Object.values(answers).flat();
  return [
    ...Object.entries(answers).flatMap(([answer, names]) => [
      ...(names.length === 0 ? [`no scenario shows ${answer}`] : []),
      ...names.filter((name) => !shows(name, answer)).map((name) => `"${name}" does not show ${answer}`),
    ]),
    ...list
      .filter(({ name }) => !all.includes(name))
      .map(({ name }) => `"${name}" is in no line of the table`),
    ...list
      .flatMap(({ steps }) => steps.map(({ answer }) => kindOf(answer)))
      .filter((answer) => !(answer in answers))
      .map((answer) => `the table lacks ${answer}`),
  ];
}

describe('the scenarios of npm run stripe-check', () => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    'end at the sandbox as they are written: %s',
    async (_, scenario) => {
      const outcomes = await runScenario(scenario, scenario.method.sandbox, account());
      expect(outcomes.map(({ answer }) => answer)).toEqual(scenario.steps.map(({ answer }) => answer));
    },
  );

  it('show every answer of the gateway, and each is in the table of answers', () => {
    expect(gaps(gatewayAnswers, scenarios)).toEqual([]);
    expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
    expect(scenarios.filter(({ method }) => method.stripe).length).toBeGreaterThanOrEqual(20);
  });

  it('say why Stripe cannot show a scenario, and only then leave it out', () => {
    expect(scenarios.filter(({ method, onlySandbox }) => !method.stripe !== Boolean(onlySandbox))).toEqual(
      [],
    );
  });

  it.each(scenarios.map(({ name }) => name))('are missed when one is removed: %s', (name) => {
    expect(
      gaps(
        gatewayAnswers,
        scenarios.filter((one) => one.name !== name),
      ),
    ).not.toEqual([]);
  });

  it('are missed when an answer or a scenario is added alone', () => {
    expect(gaps({ ...gatewayAnswers, planted: [] }, scenarios)).toEqual(['no scenario shows planted']);
    const planted = { ...scenarios[0]!, name: 'planted' };
    expect(gaps(gatewayAnswers, [...scenarios, planted])).toEqual(['"planted" is in no line of the table']);
    expect(named).not.toContain('planted');
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

  it('says that every scenario is the same, and what is still open', async () => {
    const { code, stdout } = await check({ STRIPE_SECRET_KEY: secretKey, STRIPE_API_URL: sandbox.url });
    expect(stdout).not.toContain('DIFFERS');
    expect(stdout).toContain(`${scenarios.length} the same, 0 differ, 0 left out.`);
    expect(stdout).toMatch(/open: What does a refused capture leave behind\? Here: authorize: approved/);
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
    expect(stdout).toMatch(/The key lacks these permissions: rak_charge_read, rak_charge_write/);
    expect(stdout).toContain('DIFFERS   a refund, repeated and looked at');
    expect(code).toBe(1);
  });
});
