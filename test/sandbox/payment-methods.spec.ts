import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Stripe from 'stripe';
import { paymentMethods } from '../../sandbox/faults/behaviours';
import { Receiver, TestSandbox, eventually, newOrderId, patienceMs, payment } from './harness';

/** What a client sees that retries under one key until it gets a response, and what remains in the end. */
interface Story {
  authorization: string[];
  capture?: string[];
  /** A, C and F: authorized, captured, failed. */
  webhooks: string;
  /** What the provider holds: authorized, captured. */
  ledger: [number, number];
}

const success: Story = { authorization: ['done'], capture: ['done'], webhooks: 'AC', ledger: [1999, 1999] };
const twice = (results: string[]): Story => ({ ...success, authorization: results, capture: results });
const declined = (code: string): Story => ({ authorization: [code], webhooks: 'F', ledger: [0, 0] });

const stories: Record<string, Story> = {
  pm_card_visa: success,
  pm_card_chargeDeclined: declined('generic_decline'),
  pm_card_chargeDeclinedInsufficientFunds: declined('insufficient_funds'),
  [`pm_sandbox_slow_${patienceMs / 2}`]: success,
  [`pm_sandbox_slow_answer_${patienceMs / 2}`]: success,
  pm_sandbox_timeout_after_commit: twice(['silence', 'replayed']),
  pm_sandbox_timeout_before_commit: twice(['silence', 'done']),
  [`pm_sandbox_late_commit_${12 * patienceMs}`]: twice(['silence', '409', 'replayed']),
  pm_sandbox_error_then_ok_2: twice(['500', '500', 'done']),
  pm_sandbox_rate_limited_2: twice(['429', '429', 'done']),
  pm_sandbox_capture_declined: {
    authorization: ['done'],
    capture: ['generic_decline'],
    webhooks: 'AF',
    ledger: [1999, 0],
  },
  pm_sandbox_amount_mismatch: { ...success, ledger: [2000, 2000] },
  pm_sandbox_duplicate_webhooks_3: { ...success, webhooks: 'AAACCC' },
  pm_sandbox_reordered_webhooks: { ...success, webhooks: 'CA' },
  pm_sandbox_no_webhook: { ...success, webhooks: '' },
};

describe('a payment', () => {
  let receiver: Receiver;
  let sandbox: TestSandbox;
  const orderIds = new Map(Object.keys(stories).map((paymentMethod) => [paymentMethod, newOrderId()]));
  const outcomes = new Map<string, Pick<Story, 'authorization' | 'capture'>>();

  // All at the same time, because some are slow.
  beforeAll(async () => {
    receiver = await Receiver.start();
    sandbox = await TestSandbox.start({ webhookUrl: receiver.url, reorderQuietMs: 2_000 });
    await Promise.all(
      [...orderIds].map(async ([paymentMethod, orderId]) =>
        outcomes.set(paymentMethod, await pay(orderId, paymentMethod)),
      ),
    );
    await eventually(async () => (await sandbox.stats()).webhooks.pending === 0);
  });
  afterAll(async () => {
    await sandbox.stop();
    await receiver.stop();
  });

  /** Authorizes and captures as a saga does, and records every result. */
  async function pay(
    orderId: string,
    paymentMethod: string,
  ): Promise<Pick<Story, 'authorization' | 'capture'>> {
    const stripe = sandbox.stripe({ timeout: 6 * patienceMs });
    const { results: authorization, intent } = await retryUntilResponse(() =>
      stripe.paymentIntents.create(payment(orderId, paymentMethod), { idempotencyKey: orderId }),
    );
    if (!intent) return { authorization };
    const { results: capture } = await retryUntilResponse(() =>
      stripe.paymentIntents.capture(intent.id, {}, { idempotencyKey: `capture ${orderId}` }),
    );
    return { authorization, capture };
  }

  async function retryUntilResponse(ask: () => Promise<Stripe.Response<Stripe.PaymentIntent>>) {
    const results: string[] = [];
    for (;;) {
      try {
        const intent = await ask();
        results.push(intent.lastResponse.headers['idempotent-replayed'] ? 'replayed' : 'done');
        return { results, intent };
      } catch (error) {
        if (error instanceof Stripe.errors.StripeCardError)
          return { results: [...results, error.decline_code], intent: undefined };
        const { statusCode } = error as Stripe.errors.StripeError;
        const result = statusCode === undefined ? 'silence' : String(statusCode);
        // How often a key is in use depends on the machine's speed.
        if (result !== '409' || results.at(-1) !== '409') results.push(result);
      }
    }
  }

  const webhooksOf = (orderId: string) =>
    receiver.delivered
      .map(({ event }) => ({ type: event.type, object: event.data.object as Stripe.PaymentIntent }))
      .filter(({ object }) => object.metadata.orderId === orderId)
      .map(
        ({ type }) =>
          ({ amount_capturable_updated: 'A', succeeded: 'C', payment_failed: 'F' })[type.split('.')[1]!],
      )
      .join('');

  it.each(Object.entries(stories))(
    'with %s has the results, webhooks and ledger of the table',
    async (paymentMethod, story) => {
      const { authorization, capture, webhooks, ledger } = story;
      expect(outcomes.get(paymentMethod)).toEqual({ authorization, ...(capture && { capture }) });

      const orderId = orderIds.get(paymentMethod)!;
      expect(webhooksOf(orderId)).toBe(webhooks);
      const { authorized, captured, refunded, voided } = (await sandbox.row(orderId))!;
      expect([authorized, captured, refunded, voided]).toEqual([...ledger, 0, 0]);
    },
  );

  it.each(Object.keys(stories).filter((paymentMethod) => stories[paymentMethod]!.webhooks.includes('F')))(
    'with %s stays declined under another key',
    async (paymentMethod) => {
      const stripe = sandbox.stripe();
      const orderId = orderIds.get(paymentMethod)!;
      const { data } = await stripe.paymentIntents.search({ query: `metadata['orderId']:'${orderId}'` });
      const again = stories[paymentMethod]!.capture
        ? stripe.paymentIntents.capture(data[0]!.id)
        : stripe.paymentIntents.create(payment(orderId, paymentMethod));
      await expect(again).rejects.toBeInstanceOf(Stripe.errors.StripeCardError);
    },
  );
});

/** Payment methods whose money or state changes later, or that are refused: `lifecycles.spec.ts` tests them. */
const inLifecycles =
  /saved_500|requires_action|processing|refund_|authorization_expires|partial_authorization|saved_card|disputed|lock_timeout|rate_limited_bare/;

/** Names of payment methods, with `<n>` for a number or for a placeholder for it at their end. */
const namesIn = (text: string): string[] => [
  ...new Set(
    [...text.matchAll(/\bpm_(?:card|sandbox)_\w*(?:<\w+>)?/g)].map(([name]) =>
      name.replace(/(<\w+>|(?<!_500)\d+)$/, '<n>'),
    ),
  ),
];

describe('the payment methods', () => {
  const root = join(__dirname, '../..');
  const inCode = [...paymentMethods].sort();
  const page = readFileSync(join(root, 'docs/sandbox.md'), 'utf8');
  const table = (markdown: string) => markdown.split('\n').filter((line) => line.startsWith('| `pm_'));

  it('each have a row in docs/sandbox.md and in a table of tests', () => {
    expect(namesIn(table(page).join('\n')).sort()).toEqual(inCode);
    expect(namesIn(Object.keys(stories).join(' ')).sort()).toEqual(
      inCode.filter((name) => !inLifecycles.test(name)),
    );
  });

  it('are noticed when a row is missing or has another name', () => {
    const planted = page.replace('| `pm_sandbox_slow_<ms>`', '| `pm_sandbox_sleepy_<ms>`');
    expect(namesIn(table(planted).join('\n')).sort()).not.toEqual(inCode);
  });
});
