import type { Queryable } from '../../database/database';
import { aliveSeconds } from './queue-report';

/** What keeps the service as a whole from working, as told at the top of every page of the dashboard. */
export const troubleCodes = ['no_worker', 'provider_silent', 'task_failing', 'queue_unreachable'] as const;

export interface Trouble {
  code: (typeof troubleCodes)[number];
  /** Null when it is not known. */
  since: string | null;
  /** What it leads to and what to do, without numbers that move. */
  detail: string;
}

/** So many requests in a row without an answer are the provider and not one buyer's payment. */
const unansweredMin = 3;
/** A saga asks again every 5 to 6 minutes; a request from before that is not about now. */
const askedWithinSeconds = 600;
/** Operations in which the last answer is looked for: some seconds of a sale. */
const operationsRead = 200;
const unheardRead = 1_000;
/** A failing task's error may be a whole statement. */
const errorMax = 200;

interface Facts {
  workersAlive: number;
  lastBeat: Date | null;
  failing: { name: string; failingSince: string | null; error: string | null }[];
  unanswered: number;
  silentSince: Date | null;
}

/** `queueTrouble`: why the queue cannot be asked, or null. */
export async function troublesNow(db: Queryable, queueTrouble: string | null): Promise<Trouble[]> {
  const [row] = await db.rows<Facts>(sql, [
    aliveSeconds,
    operationsRead,
    unheardRead,
    askedWithinSeconds,
    errorMax,
  ]);
  const { workersAlive, lastBeat, failing, unanswered, silentSince } = row!;
  const troubles: Trouble[] = [];
  if (workersAlive === 0)
    troubles.push({
      code: 'no_worker',
      since: lastBeat?.toISOString() ?? null,
      detail: 'Orders are accepted but do not move on. Start a worker, or read the log of the last one.',
    });
  if (unanswered >= unansweredMin)
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
 * The provider is silent when requests went unanswered and none was answered after them. `heard` is the newest answer
 * among the newest operations; a request that was first made before it counts once, as only its last try is newer.
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
  heard AS (
    SELECT coalesce(max(settled_at), '-infinity') AS at
      FROM (SELECT settled_at FROM payment_operations ORDER BY id DESC LIMIT $2::int) newest
  ),
  unheard AS (
    SELECT p.created_at, p.attempt
      FROM (SELECT created_at, sent_at, attempt, provider_reference FROM payment_operations WHERE status = 'unknown' LIMIT $3::int) p, heard
     WHERE p.sent_at > heard.at AND p.sent_at > clock_timestamp() - $4::int * interval '1 second'
       AND p.provider_reference IS NULL
  )
  SELECT (SELECT count(*)::int FROM alive) AS "workersAlive",
         (SELECT max(beat_at) FROM workers) AS "lastBeat",
         (SELECT coalesce(json_agg(json_build_object('name', name, 'failingSince', since, 'error', error) ORDER BY name), '[]')
            FROM failing) AS failing,
         (SELECT coalesce(sum(CASE WHEN created_at > heard.at THEN attempt ELSE 1 END), 0)::bigint FROM unheard, heard)
           AS unanswered,
         (SELECT greatest(min(created_at), nullif(max(heard.at), '-infinity')) FROM unheard, heard) AS "silentSince"`;
