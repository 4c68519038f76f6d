import { z } from 'zod';
import { publicId } from '../../ids';
import {
  instant,
  int,
  money,
  moneyType,
  publicIdOf,
  responseType,
  secondsUntil,
  text,
} from '../../http/responses';
import type { FactType } from '../../payment/payment-facts.repository';
import { publicTaskId } from '../../orders/fulfilment/task-actions';
import type { ReviewFact, ReviewRow } from './review';
import { stepType } from '../../orders/orders.responses';
import { type WaitsFor, waitsForType } from '../order-timeline/saga.responses';
import { stopOf } from '../order-timeline/story';
import { formatCode, formatStop } from '../order-timeline/story-formatting';
import {
  capitalized,
  formatMoney,
  formatTimes,
  operationNames,
  formatUnits,
} from '../order-timeline/formatting';

export const caseType = responseType('ReviewCase', {
  object: z.literal('case'),
  id: publicIdOf('ord').describe(
    "The order's id, the message's (`evt_…`) of a dead letter, the fact's (`fct_…`) of a payment, or a refund's (`rfd_…`) or capture's (`cap_…`), a webhook endpoint's (`whe_…`).",
  ),
  kind: z
    .enum(['stuck', 'unknown', 'dead_letter', 'payment', 'payment_task', 'webhook_endpoint_failing'])
    .meta({ id: 'ReviewKind' }),
  orderId: publicIdOf('ord')
    .nullable()
    .describe('Null for a dead letter about a reservation, and for a payment of an unknown order.'),
  reservationId: publicIdOf('rsv').nullable(),
  customerId: text('cus_42').nullable(),
  title: text('Capture has no answer after 12 attempts'),
  facts: z
    .array(text('4 units of TEE-BLACK-M cannot be sold until this ends.'))
    .describe('What happened, and what is blocked because of it.'),
  moneyAtRisk: moneyType.nullable(),
  units: int(4).describe('Units that cannot be sold until it ends.'),
  lines: z.array(z.strictObject({ sku: text('TEE-BLACK-M'), quantity: int(4) })),
  since: instant(),
  sinceSeconds: int(840),
  nextAttemptInSeconds: int(41)
    .nullable()
    .describe('When it is tried again without an operator; null when it is running, or never.'),
  waitsFor: waitsForType,
  step: stepType.nullable().describe('Null for a dead letter and a payment.'),
  payment: z
    .strictObject({
      type: text('dispute_opened'),
      reference: text('dp_3Q…').describe("The provider's id."),
      status: text('needs_response').nullable(),
      dueBy: instant()
        .nullable()
        .describe('Until when a dispute can be answered, or an authorization captured.'),
    })
    .nullable(),
});

/** What the case waits for: the worker that drives its saga, the saga's next run, or an operator. */
function waitsFor({ sagaStatus, nextRunAt, isDriven, kind }: ReviewRow): WaitsFor {
  if (kind === 'payment' || kind === 'webhook_endpoint_failing') return 'operator';
  if (kind === 'payment_task') return isDriven ? 'worker' : nextRunAt === null ? 'operator' : 'next_run';
  if (kind === 'dead_letter' || sagaStatus === 'completed' || sagaStatus === 'compensated') return null;
  if (isDriven) return 'worker';
  return nextRunAt === null ? 'operator' : 'next_run';
}

const prefixes = {
  stuck: 'ord',
  unknown: 'ord',
  dead_letter: 'evt',
  payment: 'fct',
  webhook_endpoint_failing: 'whe',
} as const;

const idOf = ({ kind, id, operation }: ReviewRow): string =>
  kind === 'payment_task'
    ? publicTaskId({ id, kind: operation === 'capture' ? 'capture' : 'refund' })
    : publicId(prefixes[kind], id);

/** A case for people: what it is, what happened, and what it blocks. */
export function caseView(row: ReviewRow): z.infer<typeof caseType> {
  const { kind, amount, currency, units, lines, since, now, step } = row;
  const isOfSaga = kind === 'stuck' || kind === 'unknown';
  return {
    object: 'case',
    id: idOf(row),
    kind,
    orderId: row.aggregate === 'order' && row.aggregateId ? publicId('ord', row.aggregateId) : null,
    reservationId: row.reservationId && publicId('rsv', row.reservationId),
    customerId: row.customerId,
    title: titleOf(row),
    facts: [...whatHappened(row), ...whatIsBlocked(row)],
    moneyAtRisk: amount > 0 ? money(amount, currency!) : null,
    units: isOfSaga ? units : 0,
    lines: lines ?? [],
    since: since.toISOString(),
    sinceSeconds: Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1_000)),
    nextAttemptInSeconds:
      (!isOfSaga && kind !== 'payment_task') || row.nextRunAt === null || row.isDriven
        ? null
        : secondsUntil(row.nextRunAt, now),
    waitsFor: waitsFor(row),
    step: isOfSaga ? step : null,
    payment: row.fact && {
      type: row.fact.type,
      reference: row.fact.reference,
      status: row.fact.status,
      dueBy: row.fact.dueBy && new Date(row.fact.dueBy).toISOString(),
    },
  };
}

const factTitles: Record<FactType, string> = {
  refund_failed: 'A refund failed',
  refunded_outside: 'Refunded outside of Holdfast',
  dispute_opened: 'Payment disputed',
  dispute_won: 'Dispute won',
  dispute_lost: 'Dispute lost',
  authorization_ends: 'Authorization ends before the goods left',
  authorization_expired: 'Authorization ended before the capture',
  capture_declined: 'A capture was declined',
  stray_authorization: 'Authorization that no order keeps',
  stray_charge: 'Charge without a capture of ours',
  not_captured: 'The provider has no capture',
  amount_differs: 'Another amount was captured',
  unknown_order: 'Payment of an unknown order',
};

/** What the provider shows, and what to do about it. */
function factSentences({ type, reference, status, failureReason, dueBy }: ReviewFact): string[] {
  const until = dueBy ? ` Evidence can be sent until ${new Date(dueBy).toISOString().slice(0, 10)}.` : '';
  const end = dueBy ? ` before ${new Date(dueBy).toISOString().slice(0, 16).replace('T', ' ')} UTC` : '';
  const next: Partial<Record<FactType, string>> = {
    refund_failed: 'Retry the refund, or pay the customer in another way and settle the case.',
    refunded_outside: 'Decide what happens to the goods, then settle the case.',
    dispute_opened: `Answer it at the payment provider.${until}`,
    authorization_ends: `Ship or capture the order${end}, or cancel it.`,
    capture_declined: 'Capture again, or cancel the order. Then settle the case.',
    stray_authorization: 'Void it here, or settle the case.',
    unknown_order:
      status === 'succeeded'
        ? 'Refund it at the payment provider, then settle the case.'
        : 'Void it here, or settle the case.',
  };
  const about = [status, failureReason].filter(Boolean).join(', ');
  return [
    `The provider shows ${reference}${about ? ` as ${about}` : ''}.`,
    next[type] ?? 'Look at it at the payment provider, then settle the case.',
  ];
}

function titleOf(row: ReviewRow): string {
  const { kind, operation, operationStatus, asked, code, data, step } = row;
  if (row.fact) return factTitles[row.fact.type];
  if (kind === 'dead_letter') return `${row.messageType} could not be applied`;
  if (kind === 'webhook_endpoint_failing') return `A webhook endpoint of ${row.messageType} was disabled`;
  if (kind === 'payment_task') return taskTitle(row);
  const what = operation ? capitalized(operationNames[operation]) : 'Checkout';
  if (isRefused(row)) return `Provider refused our request: ${data!.providerCode ?? 'no code'}`;
  if (waitsFor(row) === 'operator') {
    if (code === 'refund_failed') return `Refund failed: ${formatCode(data!.failureReason!)}`;
    if (code === 'amount_differs')
      return `Amount differs: asked ${formatMoney(data!.asked!)}, provider says ${formatMoney(data!.said!)}`;
    if (code === 'workers_lost') return 'Its workers stop when they take it up';
    if (code === 'unheard_too_long') return `${what} unheard for too long to ask again`;
    if (operationStatus === 'declined') return `${what} refused`;
    return `Stopped at ${step}`;
  }
  if (!isUnanswered(row)) return `Stuck at ${step}`;
  const silence = code === 'no_answer' ? 'no answer' : 'no clear answer';
  return `${what} has ${silence} after ${formatAttempt(asked)}`;
}

/** A refund in part, or a capture after the sale. */
function taskTitle(row: ReviewRow): string {
  const what = `${capitalized(operationNames[row.operation ?? 'refund'])} of ${formatMoney({ amount: row.amount, currency: row.currency! })}`;
  if (row.code === 'request_refused') return `${what}: the provider refused our request`;
  if (waitsFor(row) === 'operator') return `${what} is stuck`;
  return `${what} has no clear answer after ${formatAttempt(row.asked)}`;
}

const formatAttempt = (asked: number) => (asked === 1 ? 'one attempt' : `${asked} attempts`);

/** Our own mistake stopped it; after a refused key it goes on by itself. */
const isRefused = ({ sagaStatus, code }: ReviewRow) => sagaStatus === 'stuck' && code === 'request_refused';

/** Asked, without a certain result. */
const isUnanswered = ({ operationStatus }: ReviewRow) =>
  operationStatus === 'unknown' || operationStatus === 'sent';

const clock = (at: Date) => `${at.toISOString().slice(11, 19)} UTC`;

function whatHappened(row: ReviewRow): string[] {
  if (row.fact) return factSentences(row.fact);
  const { kind, operation, authorizedAt, messageType, detail } = row;
  if (kind === 'payment_task') return taskSentences(row);
  if (kind === 'dead_letter')
    return [
      `The message ${messageType} ran out of attempts: ${detail}.`,
      'Its order or reservation is not blocked by it.',
    ];
  if (kind === 'webhook_endpoint_failing')
    return [
      `Nothing that was sent to ${detail} was taken for days, so nothing more is sent.`,
      'Its events are kept. Ask the shop, then enable the endpoint: it goes on where it stopped.',
    ];
  const next = { operator: 'An operator must act.', next_run: 'Holdfast keeps asking.' };
  const waits = waitsFor(row);
  return [
    ...(authorizedAt && operation !== 'authorize' && operation !== 'charge'
      ? [`The money was authorized at ${clock(authorizedAt)}.`]
      : []),
    ...stopped(row),
    ...(row.endsAs ? ['The order is being compensated.'] : []),
    ...(waits === 'operator' || waits === 'next_run' ? [next[waits]] : []),
  ];
}

function taskSentences(row: ReviewRow): string[] {
  const stop = row.code && formatStop(stopOf(row.code, row.data));
  return [
    `${stop ?? `The provider was asked ${formatTimes(row.asked)}, and gave no clear answer`}.`,
    waitsFor(row) === 'operator'
      ? 'Retry it, or give it up and settle it with the customer in another way.'
      : 'Holdfast keeps asking.',
  ];
}

function stopped(row: ReviewRow): string[] {
  const { operation, operationStatus, asked, lastAskedAt, code, data } = row;
  if (code !== null && (waitsFor(row) === 'operator' || isRefused(row)))
    return [`${formatStop(stopOf(code, data)) ?? 'It stopped'}.`];
  if (!operation || asked === 0 || !lastAskedAt) return [];
  if (operationStatus === 'declined') return [`The ${operationNames[operation]} was declined.`];
  if (!isUnanswered(row)) return [];
  const name = operationNames[operation];
  return [
    `The provider was asked ${formatTimes(asked)} about the ${name}, sent last at ${clock(lastAskedAt)}, and gave no clear answer.`,
  ];
}

function whatIsBlocked({ kind, units, lines }: ReviewRow): string[] {
  if (kind !== 'stuck' && kind !== 'unknown') return [];
  return units > 0
    ? [`${capitalized(formatUnits(lines ?? []))} cannot be sold until this ends.`]
    : ['No stock is reserved for it.'];
}
