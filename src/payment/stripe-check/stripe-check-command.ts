import { sandboxSecretKey } from '../../config/config';
import { Reader } from '../../config/settings-reader';
import { StripePayments } from '../provider-payments';
import { type Account, type StepOutcome, runScenario } from './run-scenario';
import type { Scenario, Step } from './scenario';
import { scenarios } from './scenarios';

/** Exit codes beside 0 (the same as the sandbox) and 1 (it differs). */
const refused = 2;
const skipped = 3;

const testKey = /^[sr]k_test_/;
/** A name of Stripe's, in the message of a 403. */
const permission = /\brak_\w+/g;

/**
 * `npm run stripe-check`: tries our gateway against Stripe's test mode and prints what differs from the sandbox. It makes
 * payments of test cards in that account, each for an order id that no shop has.
 */
async function main(): Promise<void> {
  const read = new Reader(process.env);
  const stripeSecretKey = read.text('STRIPE_SECRET_KEY', '');
  if (stripeSecretKey === '') {
    console.error(
      'SKIPPED: nothing was checked against Stripe. Set STRIPE_SECRET_KEY to a key of its test mode (sk_test_… or rk_test_…).',
    );
    return void (process.exitCode = skipped);
  }
  if (!testKey.test(stripeSecretKey)) {
    console.error(
      'STRIPE_SECRET_KEY is no test key (sk_test_… or rk_test_…). The check makes payments, so it refuses every other key.',
    );
    return void (process.exitCode = refused);
  }
  const stripeApiUrl = read.url(
    'STRIPE_API_URL',
    'https://api.stripe.com',
    ['http:', 'https:'],
    'https://api.stripe.com',
  );
  const isSandbox = stripeApiUrl.startsWith('http:');
  if (stripeSecretKey === sandboxSecretKey && !isSandbox) {
    console.error(
      "STRIPE_SECRET_KEY is the payment sandbox's own key, which Stripe does not know. Use a test key of your account.",
    );
    return void (process.exitCode = refused);
  }
  // Stripe's search lags by up to a minute or so.
  const waits = isSandbox ? { patienceMs: 10_000, everyMs: 50 } : { patienceMs: 150_000, everyMs: 3_000 };
  const account = { stripeApiUrl, stripeSecretKey, paymentTimeoutMs: isSandbox ? 1_000 : 30_000, ...waits };
  process.exitCode = (await check(account, isSandbox ? 'sandbox' : 'stripe')) ? 0 : 1;
}

async function check(account: Account, where: keyof Scenario['method']): Promise<boolean> {
  console.log(`Checking our gateway against ${account.stripeApiUrl}, ${scenarios.length} scenarios.`);
  const missing = await missingForReads(account);
  let [differing, left] = [0, 0];
  for (const scenario of scenarios) {
    const method = scenario.method[where];
    if (method === undefined) {
      left++;
      console.log(`left out  ${scenario.name}: ${scenario.onlySandbox}`);
      continue;
    }
    const outcomes = await runScenario(scenario, method, account);
    const wrong = outcomes.filter(({ step, answer }) => answer !== step.answer);
    if (wrong.length > 0) differing++;
    console.log(`${wrong.length === 0 ? 'the same' : 'DIFFERS '}  ${scenario.name}`);
    for (const outcome of wrong) console.log(`            ${differenceOf(outcome)}`);
    for (const { step, answer, message } of outcomes) {
      if (step.question)
        console.log(`            open: ${step.question} Here: ${answer} ${message}`.trimEnd());
      // A step with another key is refused on purpose.
      if (!step.key) for (const [name] of message.matchAll(permission)) missing.add(name);
    }
  }
  if (missing.size > 0) console.log(`The key lacks these permissions: ${[...missing].sort().join(', ')}`);
  console.log(`${scenarios.length - left - differing} the same, ${differing} differ, ${left} left out.`);
  return differing === 0 && missing.size === 0;
}

const nameOf = ({ call, mode, number }: Step) =>
  [call, number, mode && `(${mode})`].filter((word) => word !== undefined).join(' ');
const differenceOf = ({ step, answer, message }: StepOutcome) =>
  `${nameOf(step)}: ${answer}, and the sandbox: ${step.answer}${message && ` (${message})`}`;

/** What reconciliation and the checks of payments read, beside the scenarios. */
async function missingForReads(account: Account): Promise<Set<string>> {
  const payments = new StripePayments(account);
  const [from, to] = [new Date(Date.now() - 60_000), new Date()];
  const reads = [payments.createdBetween(from, to), payments.withFailedRefunds(from, to)];
  const missing = new Set<string>();
  for (const read of reads) {
    try {
      for await (const page of read) if (page.length > 0) break;
    } catch (error) {
      const names = [...(error as Error).message.matchAll(permission)].map(([name]) => name);
      if (names.length === 0) throw error;
      for (const name of names) missing.add(name);
    }
  }
  return missing;
}

main().catch((error: unknown) => {
  console.error(`The check could not be made: ${(error as Error).message}`);
  process.exitCode = refused;
});
