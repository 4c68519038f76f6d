import { setTimeout as pause } from 'node:timers/promises';
import { newId, publicId } from '../../ids';
import type { GatewayResult, NotDone } from '../gateways/gateway';
import { StripeGateway } from '../gateways/stripe.gateway';
import type { Scenario, Step } from './scenarios';

export interface Account {
  stripeApiUrl: string;
  stripeSecretKey: string;
  paymentTimeoutMs: number;
  /** How long an answer that comes eventually may take, and how often it is asked for. */
  patienceMs: number;
  everyMs: number;
}

export interface StepOutcome {
  step: Step;
  answer: string;
  /** The provider's words; a refusal for lack of a permission names it nowhere else. */
  message: string;
}

type Result = GatewayResult | NotDone;

/** An answer in a few words, without what differs from run to run. */
export function lineOf(result: Result): string {
  switch (result.status) {
    case 'approved':
      return `approved ${result.amount} ${result.currency}`;
    case 'pending':
      return `pending ${result.waitsFor}`;
    case 'declined':
      return `declined ${result.code}`;
    case 'misused':
      return `misused ${result.httpStatus} ${result.code}`;
    case 'unknown':
      return `unknown ${result.code}`;
    default:
      return result.status;
  }
}

/** Runs a scenario on a new order. */
export async function runScenario(
  scenario: Scenario,
  paymentMethod: string,
  account: Account,
): Promise<StepOutcome[]> {
  const run = new Run(scenario, paymentMethod, account);
  const outcomes: StepOutcome[] = [];
  for (const step of scenario.steps) outcomes.push(await run.take(step));
  return outcomes;
}

class Run {
  private readonly gateway: StripeGateway;
  private readonly stranger: StripeGateway;
  private readonly orderId = publicId('ord', newId());
  private authorization = '';

  constructor(
    private readonly scenario: Scenario,
    private readonly paymentMethod: string,
    private readonly account: Account,
  ) {
    this.gateway = new StripeGateway(account);
    this.stranger = new StripeGateway({ ...account, stripeSecretKey: 'sk_test_nobody_knows_this_key' });
  }

  async take(step: Step): Promise<StepOutcome> {
    const giveUpAt = performance.now() + this.account.patienceMs;
    for (;;) {
      const result = await this.ask(step);
      if (step.call === 'authorize' && 'reference' in result && result.reference)
        this.authorization = result.reference;
      const answer = lineOf(result);
      if (!step.eventually || answer === step.answer || performance.now() > giveUpAt)
        return { step, answer, message: 'detail' in result ? result.detail : '' };
      await pause(this.account.everyMs);
    }
  }

  private ask(step: Step): Promise<Result> {
    const { call, look, wrongKey, number = 1 } = step;
    const { amount, currency } = this.scenario.money ?? { amount: 1999, currency: 'EUR' };
    const authorization = step.authorization ?? this.authorization;
    const kind = call === 'search' ? 'authorize' : call;
    const metadata = { orderId: this.orderId, kind, number: String(number) };
    if (look || call === 'search')
      return this.gateway.look({ kind, metadata, authorization: call === 'search' ? null : authorization });
    const request = {
      key: `${this.orderId}:${kind}:${number}`,
      metadata,
      amount: step.amount ?? amount,
      currency,
    };
    const gateway = wrongKey ? this.stranger : this.gateway;
    return call === 'authorize'
      ? gateway.authorize({ ...request, paymentMethod: this.paymentMethod })
      : gateway[kind as 'capture' | 'void' | 'refund']({ ...request, authorization });
  }
}
