import { setTimeout as pause } from 'node:timers/promises';
import type Stripe from 'stripe';
import { newId, publicId } from '../../ids';
import { askProvider } from '../ask-provider';
import type { GatewayResult } from '../gateways/gateway';
import { StripeGateway, stripeClient } from '../gateways/stripe.gateway';
import { purposeKey } from '../operation-names';
import { type OperationKind, isAuthorization } from '../payment-operations.repository';
import type { Scenario, Step } from './scenario';

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

type Outcome = Omit<StepOutcome, 'step'>;

/** It will not change by waiting. */
const isRefused = /^(misused|refused)/;

/** A result in a few words, without what differs from run to run. */
export function lineOf(result: GatewayResult): string {
  switch (result.status) {
    case 'approved':
      return `approved ${result.amount} ${result.currency}${result.captureBefore ? ', with a deadline' : ''}`;
    case 'pending':
      return `pending ${result.waitsFor}`;
    case 'declined':
      return `declined ${result.code}${result.mayTryAnotherCard ? ', another card may do' : ''}`;
    case 'failed':
      return `failed ${result.reason}`;
    case 'misused':
      return `misused ${result.httpStatus} ${result.code}`;
    case 'unknown':
      return `unknown ${result.code}${result.retryAfterMs ? ', with a pause' : ''}${result.nothingWasDone ? ', nothing was done' : ''}`;
    case 'not-asked':
      return `not asked ${result.code}`;
  }
}

/** Runs a scenario on a new order, asking as a saga does. */
export async function runScenario(
  scenario: Scenario,
  paymentMethod: string,
  account: Account,
): Promise<StepOutcome[]> {
  const paymentTimeoutMs = scenario.timeoutMs ?? account.paymentTimeoutMs;
  const run = new Run(scenario, paymentMethod, { ...account, paymentTimeoutMs });
  const outcomes: StepOutcome[] = [];
  for (const step of scenario.steps) outcomes.push({ step, ...(await run.take(step)) });
  return outcomes;
}

class Run {
  private readonly orders = { own: newId(), another: newId() };
  private authorization: string | undefined;

  constructor(
    private readonly scenario: Scenario,
    private readonly paymentMethod: string,
    private readonly account: Account,
  ) {}

  async take(step: Step): Promise<Outcome> {
    const startedAt = performance.now();
    for (;;) {
      const outcome = await this.takeOnce(step);
      const tookMs = performance.now() - startedAt;
      if (!step.eventually || isRefused.test(outcome.answer)) return outcome;
      if (outcome.answer === step.answer || tookMs > this.account.patienceMs)
        return { ...outcome, message: `after ${(tookMs / 1_000).toFixed(1)} s` };
      await pause(this.account.everyMs);
    }
  }

  private async takeOnce(step: Step): Promise<Outcome> {
    const { call } = step;
    const authorization = step.authorization ?? this.authorization;
    const isFirst = isAuthorization({ kind: call });
    if (!isFirst && !authorization) return { answer: 'not asked: nothing was authorized', message: '' };
    if (call === 'dispute' || call === 'refund in the dashboard') return this.outside(call, authorization!);
    const result = await this.ask(call, step, authorization);
    if (isFirst && 'reference' in result && result.reference) this.authorization ??= result.reference;
    return { answer: lineOf(result), message: 'detail' in result ? result.detail : '' };
  }

  private async ask(
    kind: OperationKind,
    step: Step,
    authorization: string | undefined,
  ): Promise<GatewayResult> {
    const { mode = 'send', number = 1, order = 'own', hasTime = true } = step;
    const { amount, currency } = this.scenario.money ?? { amount: 1999, currency: 'EUR' };
    const orderId = this.orders[order];
    return askProvider(
      new StripeGateway({ ...this.account, stripeSecretKey: await this.keyOf(step) }),
      {
        kind,
        mode,
        account: this.scenario.account ?? null,
        key: purposeKey(orderId, kind, number),
        metadata: { orderId: publicId('ord', orderId), kind, number: String(number) },
        amount: step.amount ?? amount,
        currency,
        paymentMethod: this.paymentMethod,
        options: step.options ?? this.scenario.options ?? {},
        authorization,
        asksDeadline: this.scenario.asksDeadline,
      },
      () => hasTime,
    );
  }

  private async keyOf({ key }: Step): Promise<string> {
    if (key === 'wrong') return 'sk_test_nobody_knows_this_key';
    if (key !== 'restricted') return this.account.stripeSecretKey;
    const restricted = { key: 'rk_test_may_only_read_payments', permissions: ['rak_payment_intent_read'] };
    await fetch(`${this.account.stripeApiUrl}/sandbox/restricted-keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(restricted),
    });
    return restricted.key;
  }

  /** What happens to a payment without us. */
  private async outside(call: 'dispute' | 'refund in the dashboard', payment: string): Promise<Outcome> {
    const stripe = stripeClient(this.account, this.account.paymentTimeoutMs);
    try {
      if (call === 'refund in the dashboard') await stripe.refunds.create({ payment_intent: payment });
      else if ((await stripe.disputes.list({ payment_intent: payment })).data.length === 0)
        return { answer: 'no dispute', message: '' };
      return { answer: 'done', message: '' };
    } catch (error) {
      const { statusCode, message } = error as Stripe.errors.StripeError;
      return { answer: `refused ${statusCode ?? 'without a response'}`, message };
    }
  }
}
