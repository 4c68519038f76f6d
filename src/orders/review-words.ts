import { publicId } from '../ids';
import { money, secondsUntil } from '../inventory/inventory.views';
import type { ReviewRow } from './review';
import { capitalized, moneyWords, operationWords, unitWords } from './words';

/** A case as a person reads it: what it is, what happened, and what is blocked because of it. */
export function caseView(row: ReviewRow) {
  const { kind, amount, currency, units, lines, since, now, step } = row;
  const isOrder = row.aggregate === 'order';
  return {
    object: 'case' as const,
    id: publicId(kind === 'dead_letter' ? 'evt' : 'ord', row.id),
    kind,
    orderId: isOrder ? publicId('ord', row.aggregateId) : null,
    reservationId: row.reservationId && publicId('rsv', row.reservationId),
    customerId: row.customerId,
    title: titleOf(row),
    facts: [...whatHappened(row), ...whatIsBlocked(row)],
    moneyAtRisk: amount > 0 ? money(amount, currency!) : null,
    units: kind === 'dead_letter' ? 0 : units,
    lines: lines ?? [],
    since: since.toISOString(),
    sinceSeconds: Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1_000)),
    nextAttemptInSeconds:
      kind === 'dead_letter' || row.nextRunAt === null ? null : secondsUntil(row.nextRunAt, now),
    step: kind === 'dead_letter' ? null : step,
  };
}

function titleOf(row: ReviewRow): string {
  const what = row.operation ? capitalized(operationWords[row.operation]) : 'Checkout';
  if (row.kind === 'dead_letter') return `${row.messageType} could not be applied`;
  if (row.kind === 'unknown') return `${what} unanswered`;
  const differs = amountsIn(row.detail);
  if (differs) return `Amount differs: asked ${differs.asked}, provider says ${differs.told}`;
  if (/^the (void|refund) was declined/.test(row.detail ?? '')) return `${what} refused`;
  if (/workers took it up/.test(row.detail ?? '')) return 'Its workers stop when they take it up';
  if (/forgotten its key/.test(row.detail ?? '')) return `${what} unheard for too long to ask again`;
  return row.asked > 0 ? `${what} has no answer after ${attemptWords(row.asked)}` : `Stopped at ${row.step}`;
}

const attemptWords = (asked: number) => (asked === 1 ? 'one attempt' : `${asked} attempts`);

/** The two amounts that a saga names when it stops for their difference. */
function amountsIn(detail: string | null): { asked: string; told: string } | undefined {
  const found = /^the provider says (\d+) ([A-Z]{3}), not (\d+) ([A-Z]{3})$/.exec(detail ?? '');
  if (!found) return undefined;
  const [, told, toldCurrency, asked, askedCurrency] = found;
  return {
    asked: moneyWords(money(Number(asked), askedCurrency!)),
    told: moneyWords(money(Number(told), toldCurrency!)),
  };
}

const clock = (at: Date) => `${at.toISOString().slice(11, 19)} UTC`;

function whatHappened(row: ReviewRow): string[] {
  const { kind, operation, asked, authorizedAt, lastAskedAt, messageType, detail } = row;
  if (kind === 'dead_letter')
    return [
      `The message ${messageType} was tried until it was given up: ${detail}.`,
      'What it is about goes on by itself.',
    ];
  const differs = amountsIn(detail);
  const times = asked === 1 ? 'One request' : `${asked} requests with one key`;
  return [
    ...(authorizedAt && operation !== 'authorize'
      ? [`The money was authorized at ${clock(authorizedAt)}.`]
      : []),
    ...(differs
      ? [`The provider names ${differs.told} where ${differs.asked} was asked for.`]
      : operation && asked > 0 && lastAskedAt
        ? [
            `${times} for the ${operationWords[operation]}, the last at ${clock(lastAskedAt)}, got no usable answer.`,
          ]
        : []),
    ...(row.endsAs ? ['The order is on its way back.'] : []),
  ];
}

function whatIsBlocked({ kind, units, lines }: ReviewRow): string[] {
  if (kind === 'dead_letter') return [];
  return units > 0
    ? [`${capitalized(unitWords(lines ?? []))} cannot be sold until this ends.`]
    : ['No stock is held by it.'];
}
