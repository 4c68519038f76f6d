import type { Queryable } from '../../database/database';
import type { TransitionCode } from '../../orders/checkout-saga/transition-codes';
import { aliveSeconds } from '../../orders/checkout-saga/old-workers';
import type { Trouble } from './overview.responses';

/** This many unanswered requests in a row mean the provider, not a moment of bad network. */
const unansweredMin = 3;
/** Of at least this many orders: one payment method may hang at a provider that answers all others. */
const ordersMin = 2;
/** Responses that settle nothing. */
const answeredCodes: TransitionCode[] = [
  'provider_error',
  'provider_busy',
  'key_in_use',
  'still_processing',
  'access_refused',
  'no_clear_answer',
  'amount_differs',
];
/** A saga asks again every 5 to 6 minutes; an older request says nothing about now. */
const askedWithinSeconds = 600;
/** Settled operations searched for the last response: some seconds of a sale. */
const settledRead = 200;
const unheardRead = 1_000;
/** Newest transitions of an order: more than it gets in that time. After a day there are hundreds. */
const linesRead = 20;
/** A failing task's error may be a whole statement. */
const errorMax = 200;

interface Facts {
  workersAlive: number;
  lastBeat: Date | null;
  failing: { name: string; failingSince: string | null; error: string | null }[];
  unanswered: number;
  ordersUnanswered: number;
  silentSince: Date | null;
}

/** What keeps the whole service from working. `queueTrouble`: why the queue cannot be reached, or null. */
export async function troublesNow(db: Queryable, queueTrouble: string | null): Promise<Trouble[]> {
  const [row] = await db.rows<Facts>(sql, [
    aliveSeconds,
    settledRead,
    unheardRead,
    askedWithinSeconds,
    errorMax,
    answeredCodes,
    linesRead,
  ]);
  const { workersAlive, lastBeat, failing, unanswered, ordersUnanswered, silentSince } = row!;
  const troubles: Trouble[] = [];
  if (workersAlive === 0)
    troubles.push({
      code: 'no_worker',
      since: lastBeat?.toISOString() ?? null,
      detail: 'Orders are accepted but do not move on. Start a worker, or read the log of the last one.',
    });
  if (unanswered >= unansweredMin && ordersUnanswered >= ordersMin)
    troubles.push({
      code: 'provider_silent',
      since: silentSince?.toISOString() ?? null,
      detail:
        'Orders wait and ask again with the same keys; nobody is charged twice. Check the provider’s status and the network.',
    });
  for (const { name, failingSince, error } of failing)
    troubles.push({
      code: 'task_failing',
      since: failingSince,
      detail: `${name}: ${error ?? 'no error was given'}. Read the worker’s log.`,
    });
  if (queueTrouble !== null)
    troubles.push({
      code: 'queue_unreachable',
      since: null,
      detail: `${queueTrouble.replace(/\.$/, '')}. Orders go on; jobs wait until the sweeper finds them.`,
    });
  return troubles;
}

/**
 * The provider is silent when requests got nothing back (`no_answer` in their order's history) and none was answered
 * after they were sent. `heard` is the newest answer: the newest settled operation, or an error or another
 * amount among the unsettled ones. Only requests that were sent after it count. An operation that was made after it has
 * waited since it was made, even when its first requests are too old to be read.
 */
const sql = `
  WITH alive AS (
    SELECT failing_tasks FROM workers WHERE NOT stopping AND beat_at > clock_timestamp() - $1::int * interval '1 second'
  ),
  failing AS (
    SELECT t.name, min(t."failingSince") AS since, left(min(t.error), $5::int) AS error
      FROM alive CROSS JOIN LATERAL jsonb_to_recordset(alive.failing_tasks)
             AS t (name text, "failingSince" text, error text)
     GROUP BY t.name
  ),
  unsettled AS (
    SELECT p.order_id, p.kind, p.created_at, s.version
      FROM payment_operations p JOIN sagas s ON s.order_id = p.order_id
     WHERE p.status = 'unknown' AND p.sent_at > clock_timestamp() - $4::int * interval '1 second'
     ORDER BY p.order_id
     LIMIT $3::int
  ),
  requests AS (
    SELECT u.order_id, u.created_at, t.code, t.at, t.sent_at
      FROM unsettled u
      CROSS JOIN LATERAL (
        SELECT code, at, data, max(at) FILTER (WHERE cause = 'asked') OVER (ORDER BY version) AS sent_at
          FROM saga_transitions
         WHERE order_id = u.order_id AND version > u.version - $7::int
      ) t
     WHERE t.data ->> 'operation' = u.kind AND (t.code = 'no_answer' OR t.code = ANY ($6::text[]))
       AND t.sent_at > clock_timestamp() - $4::int * interval '1 second'
  ),
  heard AS (
    SELECT greatest(coalesce(max(settled_at), '-infinity'),
                    (SELECT max(at) FROM requests WHERE code <> 'no_answer')) AS at
      FROM (SELECT settled_at FROM payment_operations WHERE settled_at IS NOT NULL ORDER BY id DESC LIMIT $2::int) newest
  ),
  unheard AS (
    SELECT order_id, CASE WHEN created_at > heard.at THEN created_at ELSE sent_at END AS since
      FROM requests CROSS JOIN heard
     WHERE code = 'no_answer' AND sent_at > heard.at
  )
  SELECT (SELECT count(*)::int FROM alive) AS "workersAlive",
         (SELECT max(beat_at) FROM workers) AS "lastBeat",
         (SELECT coalesce(json_agg(json_build_object('name', name, 'failingSince', since, 'error', error) ORDER BY name), '[]')
            FROM failing) AS failing,
         (SELECT count(*)::int FROM unheard) AS unanswered,
         (SELECT count(DISTINCT order_id)::int FROM unheard) AS "ordersUnanswered",
         (SELECT min(since) FROM unheard) AS "silentSince"`;
