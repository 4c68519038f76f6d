import type { FastifyInstance } from 'fastify';
import type { Faults } from '../faults/faults';
import type { Ledger } from '../ledger/ledger';
import type { IntentRecord } from '../ledger/records';
import { invalidRequest } from '../stripe/errors';
import { renderIntent } from '../stripe/objects';
import { optionalString, pageOf, refuseUnknown, requiredString, type Params } from '../stripe/params';
import { accountOf } from './keys';
import { listExpand } from './read-routes';

interface SearchParts {
  ledger: Ledger;
  faults: Faults;
  searchLagMs: number;
}

/**
 * Search by metadata and status. It lags: an intent is found only some time after it was made, so that nobody takes
 * "not found" for "not done". Within that lag Stripe promises nothing; here the found state is the current one.
 */
export function searchRoute(app: FastifyInstance, { ledger, faults, searchLagMs }: SearchParts): void {
  app.get('/payment_intents/search', (request, reply) => {
    const params = request.query as Params;
    refuseUnknown(params, ['query', 'limit', 'page', 'expand']);
    const clauses = clausesOf(requiredString(params, 'query'));
    const foundBefore = Date.now() - (faults.current.searchLagMs ?? searchLagMs);
    const account = accountOf(request);
    const orderId = clauses.find(({ field }) => field === 'metadata.orderId')?.value;
    // An order has few intents; without one, all are read.
    const candidates = orderId === undefined ? [...ledger.intents.values()] : ledger.intentsOf(orderId);
    const found = candidates
      .filter(
        (intent) =>
          intent.account === account &&
          intent.createdAt <= foundBefore &&
          clauses.every((clause) => matches(intent, clause)),
      )
      .reverse();

    const { limit } = pageOf(params);
    const start = startOf(params);
    const expand = listExpand(params);
    const hasMore = found.length > start + limit;
    reply.send({
      object: 'search_result',
      data: found.slice(start, start + limit).map((intent) => renderIntent(intent, expand)),
      has_more: hasMore,
      next_page: hasMore ? String(start + limit) : null,
      url: '/v1/payment_intents/search',
    });
  });
}

interface Clause {
  field: string;
  value: string;
}

/** `metadata['orderId']:'…' AND status:'…'`: every clause must match. */
function clausesOf(query: string): Clause[] {
  return query.split(/\s+AND\s+/).map((text) => {
    const [, key, status, value] =
      /^\s*(?:metadata\[["']([^"']{1,40})["']\]|(status))\s*:\s*["']([^"']*)["']\s*$/.exec(text) ?? [];
    if (value === undefined)
      throw invalidRequest(
        "The payment sandbox only searches for metadata['…']:'…' and status:'…', joined by AND.",
        undefined,
        'query',
      );
    return { field: status ?? `metadata.${key}`, value };
  });
}

function matches(intent: IntentRecord, { field, value }: Clause): boolean {
  if (field === 'status') return intent.status === value;
  return intent.metadata[field.slice('metadata.'.length)] === value;
}

/** The page token is the number of results before the page. */
function startOf(params: Params): number {
  const page = optionalString(params, 'page') ?? '0';
  if (!/^\d{1,9}$/.test(page)) throw invalidRequest(`Invalid page: ${page}`, undefined, 'page');
  return Number(page);
}
