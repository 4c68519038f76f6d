import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../database/database';
import { SagaRunner } from '../orders/checkout-saga/saga-runner';
import { wakeSagas } from '../orders/checkout-saga/saga.repository';
import { wakeTasks } from '../orders/fulfilment/payment-tasks.repository';
import {
  type NamedOperation,
  adoptReferences,
  namedOperationsOf,
  ordersByReference,
} from '../payment/operation-news.repository';
import { requestChecks } from '../payment/payment-checks.repository';
import { isAuthorization } from '../payment/payment-operations.repository';
import {
  type UnprocessedEvent,
  isRoutine,
  lockUnprocessedEvents,
  markProcessed,
  nothingWaited,
  purposeOfEvents,
} from '../payment/webhooks/provider-events.repository';

/** A burst of webhooks takes several transactions. */
const batchSizeMax = 200;

/**
 * Makes the sagas and payment tasks that webhooks name due now, and the checks of their payments; both ask the provider themselves. The content
 * of an event is never acted on, so late, repeated or missing events change only when something happens.
 */
@Injectable()
export class ProviderEventWorker {
  constructor(
    private readonly db: Database,
    private readonly sagas: SagaRunner,
  ) {}

  async sweep(): Promise<void> {
    for (;;) {
      const { processed, woken } = await this.db.transaction('provider-events', (tx) =>
        this.processBatch(tx),
      );
      // Not awaited: a call that is slow for one order must not delay the others.
      for (const orderId of woken) void this.sagas.drive(orderId);
      if (processed < batchSizeMax) return;
    }
  }

  /** A fixed number of statements, however many events there are. */
  private async processBatch(tx: Tx): Promise<{ processed: number; woken: string[] }> {
    const events = await lockUnprocessedEvents(tx, batchSizeMax);
    if (events.length === 0) return { processed: 0, woken: [] };
    const { now } = events[events.length - 1]!;
    const orderOf = await ordersOf(tx, events);
    const orderIds = [...new Set(orderOf.values())].sort();
    const operations = groupedByOrder(await namedOperationsOf(tx, orderIds));

    const busy = await adopt(tx, events, { orderOf, operations });
    const woken = new Set(await wakeSagas(tx, orderIds, now));
    await wakeTasks(tx, orderIds, now);
    // Those that are put off may turn out to be routine.
    const settled = events.filter(({ id }) => !busy.has(id));
    const due = new Set(
      settled.flatMap((event) => {
        const orderId = orderOf.get(event.id);
        return orderId && isNews(event, operations.get(orderId) ?? []) ? [orderId] : [];
      }),
    );
    await requestChecks(tx, [...due], now);
    const verdicts = settled
      // guard: orphan-webhooks-are-settled
      .map(({ id }) => ({ id, verdict: verdictOf(orderOf.get(id), woken, due) }));
    await markProcessed(tx, verdicts, now);
    return { processed: verdicts.length, woken: [...woken] };
  }
}

/**
 * The order of each event that names one: in its metadata, or by the payment that an operation of the order made. Either way
 * at an account of the order: the owner of another account can write our order's id into its metadata.
 */
async function ordersOf(tx: Tx, events: UnprocessedEvent[]): Promise<Map<string, string>> {
  const named = [...new Set(events.flatMap(({ orderId }) => orderId ?? []))].sort();
  const orders = await tx.rows<{ orderId: string; account: string | null }>(
    `SELECT id AS "orderId", payment ->> 'stripeAccount' AS account FROM orders WHERE id = ANY ($1::uuid[])`,
    [named],
  );
  const operations = await namedOperationsOf(tx, named);
  const known = new Set([...orders, ...operations].map(({ orderId, account }) => placed(account, orderId)));
  const references = events.flatMap(({ providerReference }) => providerReference ?? []);
  const byReference = new Map(
    (await ordersByReference(tx, references)).map(({ orderId, reference, account }) => [
      placed(account, reference),
      orderId,
    ]),
  );
  return new Map(
    events.flatMap(({ id, orderId, providerReference, account }) => {
      const found =
        orderId && known.has(placed(account, orderId))
          ? orderId
          : providerReference && byReference.get(placed(account, providerReference));
      return found ? [[id, found] as const] : [];
    }),
  );
}

/** An id of one account says nothing about another. */
const placed = (account: string | null, id: string) => `${account ?? ''} ${id}`;

const groupedByOrder = (operations: NamedOperation[]): Map<string, NamedOperation[]> => {
  const grouped = new Map<string, NamedOperation[]>();
  for (const one of operations) grouped.set(one.orderId, [...(grouped.get(one.orderId) ?? []), one]);
  return grouped;
};

/**
 * Gives an authorization without a result the intent that an event names for it. Returns the events to look at again, because
 * their operation is being written at this moment.
 */
async function adopt(
  tx: Tx,
  events: UnprocessedEvent[],
  { orderOf, operations }: { orderOf: Map<string, string>; operations: Map<string, NamedOperation[]> },
): Promise<Set<string>> {
  const inDoubt = (orderId: string) =>
    (operations.get(orderId) ?? []).filter(
      (operation) =>
        isAuthorization(operation) &&
        operation.reference === null &&
        (operation.status === 'sent' || operation.status === 'unknown'),
    );
  const candidates = events.filter(
    ({ id, orderId }) => orderId !== null && inDoubt(orderOf.get(id) ?? '').length > 0,
  );
  if (candidates.length === 0) return new Set();
  const purposes = await purposeOfEvents(
    tx,
    candidates.map(({ id }) => id),
  );
  const found = candidates.flatMap(({ id, providerReference: reference, account }) => {
    const purpose = purposes.get(id);
    const operation = inDoubt(orderOf.get(id)!).find(
      (one) => one.account === account && one.kind === purpose?.kind && String(one.number) === purpose.number,
    );
    return operation && reference ? [{ eventId: id, operation, operationId: operation.id, reference }] : [];
  });
  const byOperation = new Map(found.map((one) => [one.operationId, one]));
  const adopted = await adoptReferences(tx, [...byOperation.values()]);
  for (const { operation, reference } of byOperation.values())
    if (adopted.has(operation.id)) operation.reference = reference;
  return new Set(found.filter(({ operationId }) => !adopted.has(operationId)).map(({ eventId }) => eventId));
}

function isNews({ type, providerReference }: UnprocessedEvent, operations: NamedOperation[]): boolean {
  // By us: a void has no reference until it is answered.
  const isOurs = operations.some(
    ({ kind, reference }) => kind === 'void' && (reference === null || reference === providerReference),
  );
  if (type === 'payment_intent.canceled' && isOurs) return false;
  if (!isRoutine({ type })) return true;
  return !operations.some((one) => isAuthorization(one) && one.reference === providerReference);
}

function verdictOf(orderId: string | undefined, woken: Set<string>, due: Set<string>): string {
  if (!orderId) return 'orphan';
  if (woken.has(orderId)) return 'saga woken';
  return due.has(orderId) ? 'payments checked' : nothingWaited;
}
