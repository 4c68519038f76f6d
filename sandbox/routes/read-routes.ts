import type { FastifyInstance } from 'fastify';
import type { Ledger } from '../ledger/ledger';
import { eventsOf, type RefundRecord } from '../ledger/records';
import {
  optionalString,
  pageOf,
  refuseUnknown,
  requiredString,
  stringList,
  type Params,
} from '../stripe/params';
import { invalidRequest, resourceMissing } from '../stripe/errors';
import { renderRefund } from '../stripe/after-sale';
import { renderEvent, renderIntent } from '../stripe/objects';

type IdRoute = { Params: { id: string } };

/** Reads that move nothing: intents, refunds, events. */
export function readRoutes(app: FastifyInstance, ledger: Ledger): void {
  intentRoutes(app, ledger);
  refundRoutes(app, ledger);
  eventRoutes(app, ledger);
}

function intentRoutes(app: FastifyInstance, ledger: Ledger): void {
  app.get('/payment_intents', (request, reply) => {
    const params = request.query as Params;
    refuseUnknown(params, ['limit', 'starting_after', 'expand']);
    const expand = listExpand(params);
    reply.send(page(params, '/v1/payment_intents', ledger.intents, (intent) => renderIntent(intent, expand)));
  });

  // Stripe's own search lags its writes by up to a minute, so a caller that needs the current state must not search.
  app.get('/payment_intents/search', (request, reply) => {
    const params = request.query as Params;
    refuseUnknown(params, ['query', 'limit', 'page', 'expand']);
    const query = requiredString(params, 'query');
    const [, orderId] = /^\s*metadata\[["']orderId["']\]\s*:\s*["']([^"']*)["']\s*$/.exec(query) ?? [];
    if (orderId === undefined) {
      throw invalidRequest(
        "The payment sandbox only searches for metadata['orderId']:'…'.",
        undefined,
        'query',
      );
    }
    const { limit } = pageOf(params);
    const found = ledger
      .intentsOf(orderId)
      .filter((intent) => intent.metadata.orderId === orderId)
      .reverse();
    reply.send({
      object: 'search_result',
      data: found.slice(0, limit).map((intent) => renderIntent(intent, listExpand(params))),
      has_more: found.length > limit,
      next_page: null,
      url: '/v1/payment_intents/search',
    });
  });

  app.get<IdRoute>('/payment_intents/:id', (request, reply) => {
    const params = request.query as Params;
    refuseUnknown(params, ['expand', 'client_secret']);
    const intent = ledger.intents.get(request.params.id);
    if (!intent) throw resourceMissing('payment_intent', request.params.id, 'intent');
    reply.send(renderIntent(intent, stringList(params, 'expand')));
  });
}

function refundRoutes(app: FastifyInstance, ledger: Ledger): void {
  app.get('/refunds', (request, reply) => {
    const params = request.query as Params;
    refuseUnknown(params, ['payment_intent', 'limit', 'starting_after']);
    const intentId = optionalString(params, 'payment_intent');
    const matches =
      intentId === undefined ? undefined : (refund: RefundRecord) => refund.paymentIntent === intentId;
    reply.send(page(params, '/v1/refunds', ledger.refunds, renderRefund, matches));
  });

  app.get<IdRoute>('/refunds/:id', (request, reply) => {
    const refund = ledger.refunds.get(request.params.id);
    if (!refund) throw resourceMissing('refund', request.params.id, 'refund');
    reply.send(renderRefund(refund));
  });
}

function eventRoutes(app: FastifyInstance, ledger: Ledger): void {
  app.get('/events', (request, reply) => {
    const params = request.query as Params;
    refuseUnknown(params, ['limit', 'starting_after', 'type']);
    const type = optionalString(params, 'type');
    const typeOf = (offset: number, id: string) =>
      eventsOf(ledger.read(offset)).find((event) => event.id === id)!.type;
    const matches =
      type === undefined ? undefined : (offset: number, id: string) => typeOf(offset, id) === type;
    const render = (offset: number, id: string) => renderEvent(ledger.read(offset), id);
    reply.send(page(params, '/v1/events', ledger.events, render, matches));
  });

  app.get<IdRoute>('/events/:id', (request, reply) => {
    const offset = ledger.events.get(request.params.id);
    if (offset === undefined) throw resourceMissing('event', request.params.id, 'id');
    reply.send(renderEvent(ledger.read(offset), request.params.id));
  });
}

/** In lists, the names to expand start with `data.`: `data.latest_charge`. */
function listExpand(params: Params): string[] {
  return stringList(params, 'expand').map((name) => name.replace(/^data\./, ''));
}

/** One page of a map in Stripe's list shape, newest first. It copies all keys: lists are for people, not for load. */
function page<T>(
  params: Params,
  url: string,
  all: ReadonlyMap<string, T>,
  render: (item: T, id: string) => object,
  matches: (item: T, id: string) => boolean = () => true,
): object {
  const { limit, startingAfter } = pageOf(params);
  const newestFirst = Array.from(all.keys()).reverse();
  const start = startingAfter === undefined ? 0 : newestFirst.indexOf(startingAfter) + 1;
  if (startingAfter !== undefined && start === 0)
    throw resourceMissing('object', startingAfter, 'starting_after', 400);

  const found: string[] = [];
  for (let i = start; i < newestFirst.length && found.length <= limit; i++) {
    const id = newestFirst[i]!;
    if (matches(all.get(id)!, id)) found.push(id);
  }
  const data = found.slice(0, limit).map((id) => render(all.get(id)!, id));
  return { object: 'list', data, has_more: found.length > limit, url };
}
