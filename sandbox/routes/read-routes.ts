import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Ledger } from '../ledger/ledger';
import { accountOf } from './keys';
import { eventsOf } from '../ledger/records';
import { renderDispute, renderRefund } from '../stripe/after-sale';
import { renderCharge } from '../stripe/charge';
import { resourceMissing } from '../stripe/errors';
import { renderEvent, renderIntent } from '../stripe/objects';
import {
  createdFilter,
  optionalString,
  pageOf,
  refuseUnknown,
  stringList,
  type Params,
} from '../stripe/params';

type IdRoute = { Params: { id: string } };

/** An object of a list: when it was made, what it can be filtered by, and its shape. */
interface Listed {
  /** The connected account it belongs to; it is not found from another. */
  account: string | undefined;
  createdAt: number;
  filters?: Readonly<Record<string, string | null>>;
  render: () => object;
}

/** A kind of object that can be read by its id and listed, newest first. */
interface Resource {
  path: string;
  /** As in Stripe's message for an id that does not exist. */
  kind: string;
  param: string;
  filters: readonly string[];
  ids: () => ReadonlyMap<string, unknown>;
  /** Undefined: there is no such object (any more). */
  find: (id: string, expand: readonly string[]) => Listed | undefined;
}

/** Reads that move nothing. */
export function readRoutes(app: FastifyInstance, { ledger }: { ledger: Ledger }): void {
  for (const resource of resourcesOf(ledger)) {
    app.get(resource.path, (request, reply) => {
      reply.send(page(request, resource));
    });
    app.get<IdRoute>(`${resource.path}/:id`, (request, reply) => {
      const params = request.query as Params;
      refuseUnknown(params, ['expand', 'client_secret']);
      const { id } = request.params;
      const found = resource.find(id, stringList(params, 'expand'));
      if (found?.account !== accountOf(request) || !found)
        throw resourceMissing(resource.kind, id, resource.param);
      reply.send(found.render());
    });
  }
}

function resourcesOf(ledger: Ledger): Resource[] {
  const intents: Resource = {
    path: '/payment_intents',
    kind: 'payment_intent',
    param: 'intent',
    filters: ['customer'],
    ids: () => ledger.intents,
    find: (id, expand) => {
      const intent = ledger.intents.get(id);
      if (!intent) return undefined;
      const filters = { customer: intent.options?.customer ?? null };
      return {
        account: intent.account,
        createdAt: intent.createdAt,
        filters,
        render: () => renderIntent(intent, expand),
      };
    },
  };
  const charges: Resource = {
    path: '/charges',
    kind: 'charge',
    param: 'id',
    filters: ['payment_intent'],
    ids: () => ledger.charges,
    find: (id) => {
      const intent = ledger.intents.get(ledger.charges.get(id) ?? '');
      // Only the latest charge of an intent is kept.
      if (intent?.chargeId !== id) return undefined;
      const filters = { payment_intent: intent.id };
      return {
        account: intent.account,
        createdAt: intent.createdAt,
        filters,
        render: () => renderCharge(intent),
      };
    },
  };
  return [intents, charges, ...afterSale(ledger), events(ledger)];
}

function afterSale(ledger: Ledger): Resource[] {
  const resource = <T extends { createdAt: number; paymentIntent: string; chargeId: string }>(
    kind: string,
    all: ReadonlyMap<string, T>,
    render: (item: T) => object,
  ): Resource => ({
    path: `/${kind}s`,
    kind,
    param: kind,
    filters: ['payment_intent', 'charge'],
    ids: () => all,
    find: (id) => {
      const item = all.get(id);
      if (!item) return undefined;
      const filters = { payment_intent: item.paymentIntent, charge: item.chargeId };
      const { account } = ledger.intents.get(item.paymentIntent)!;
      return { account, createdAt: item.createdAt, filters, render: () => render(item) };
    },
  });
  return [
    resource('refund', ledger.refunds, renderRefund),
    resource('dispute', ledger.disputes, renderDispute),
  ];
}

function events(ledger: Ledger): Resource {
  return {
    path: '/events',
    kind: 'event',
    param: 'id',
    filters: ['type'],
    ids: () => ledger.events,
    find: (id) => {
      const offset = ledger.events.get(id);
      if (offset === undefined) return undefined;
      const entry = ledger.read(offset);
      const { type } = eventsOf(entry).find((event) => event.id === id)!;
      const { account } = entry.intent;
      return { account, createdAt: entry.at, filters: { type }, render: () => renderEvent(entry, id) };
    },
  };
}

/** In lists, the names to expand start with `data.`: `data.latest_charge`. */
export function listExpand(params: Params): string[] {
  return stringList(params, 'expand').map((name) => name.replace(/^data\./, ''));
}

/** One page in Stripe's list shape, newest first. It copies all ids: a list is for reconciliation, not for load. */
function page(request: FastifyRequest, resource: Resource): object {
  const params = request.query as Params;
  refuseUnknown(params, ['limit', 'starting_after', 'created', 'expand', ...resource.filters]);
  const { limit, startingAfter } = pageOf(params);
  const isInTime = createdFilter(params);
  const wanted = resource.filters.flatMap((name) => {
    const value = optionalString(params, name);
    return value === undefined ? [] : [{ name, value }];
  });
  const newestFirst = Array.from(resource.ids().keys()).reverse();
  const start = startingAfter === undefined ? 0 : newestFirst.indexOf(startingAfter) + 1;
  if (startingAfter !== undefined && start === 0)
    throw resourceMissing(resource.kind, startingAfter, 'starting_after', 400);

  const expand = listExpand(params);
  const account = accountOf(request);
  const found: Listed[] = [];
  for (let i = start; i < newestFirst.length && found.length <= limit; i++) {
    const item = resource.find(newestFirst[i]!, expand);
    if (!item || item.account !== account || !isInTime(item.createdAt)) continue;
    if (wanted.every(({ name, value }) => item.filters?.[name] === value)) found.push(item);
  }
  const data = found.slice(0, limit).map(({ render }) => render());
  return { object: 'list', data, has_more: found.length > limit, url: `/v1${resource.path}` };
}
