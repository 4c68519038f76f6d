import { type Queryable, type Tx, columnsOf } from '../../database/database';
import { newId } from '../../ids';
import type { Tried } from '../endpoints/webhook-sender';

/** What became of events: the last that were taken, all that were given up, and those that wait. */

export interface EndedDelivery {
  eventId: string;
  type: string;
  status: 'delivered' | 'given_up';
  attempts: number;
  tried: Tried;
}

/** How many taken ones are kept per endpoint. */
const takenKept = 100;

export async function recordDeliveries(tx: Tx, endpointId: string, ended: EndedDelivery[]): Promise<void> {
  if (ended.length === 0) return;
  await tx.affected(
    `
    INSERT INTO webhook_deliveries (id, endpoint_id, event_id, type, status, attempts, response_status, error, duration_ms)
    SELECT id, $1::uuid, event_id, type, status, attempts, response_status, error, duration_ms
      FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::int[], $8::text[], $9::int[])
             AS n (id, event_id, type, status, attempts, response_status, error, duration_ms)
    `,
    [
      endpointId,
      ended.map(() => newId()),
      ...columnsOf(ended, 'eventId', 'type', 'status', 'attempts'),
      ended.map(({ tried }) => tried.status),
      ended.map(({ tried }) => tried.error),
      ended.map(({ tried }) => tried.durationMs),
    ],
  );
}

export async function pruneTaken(queryable: Queryable, endpointId: string): Promise<void> {
  await queryable.rows(
    `
    DELETE FROM webhook_deliveries
     WHERE endpoint_id = $1::uuid AND status = 'delivered'
       AND id < (SELECT id FROM webhook_deliveries WHERE endpoint_id = $1::uuid AND status = 'delivered'
                  ORDER BY id DESC OFFSET ${takenKept - 1} LIMIT 1)
    `,
    [endpointId],
  );
}

export interface Delivery {
  id: string;
  eventId: string;
  type: string;
  status: 'waiting' | 'delivered' | 'given_up';
  attempts: number;
  responseStatus: number | null;
  error: string | null;
  durationMs: number | null;
  nextAttemptAt: Date | null;
  createdAt: Date;
}

export interface DeliveryFilter {
  endpointId: string;
  status: Delivery['status'] | null;
  eventId: string | null;
}

/** Newest first; `after` is the id of the last one already seen. A waiting one has the id of its event. */
export function listDeliveries(
  queryable: Queryable,
  { endpointId, status, eventId }: DeliveryFilter,
  { limit, after }: { limit: number; after: string | null },
): Promise<Delivery[]> {
  return queryable.rows<Delivery>(
    `
    SELECT id, "eventId", type, status, attempts, "responseStatus", error, "durationMs", "nextAttemptAt", "createdAt"
      FROM (SELECT d.id, d.event_id AS "eventId", d.type, d.status, d.attempts, d.response_status AS "responseStatus", d.error,
                   d.duration_ms AS "durationMs", NULL::timestamptz AS "nextAttemptAt", d.created_at AS "createdAt"
              FROM webhook_deliveries d
             WHERE d.endpoint_id = $1::uuid
            UNION ALL
            SELECT w.event_id, w.event_id, m.type, 'waiting', w.attempts, w.response_status, w.error, w.duration_ms,
                   w.due_at, w.created_at
              FROM webhook_waiting w JOIN outbox m ON m.id = w.event_id
             WHERE w.endpoint_id = $1::uuid) found
     WHERE ($2::text IS NULL OR status = $2::text) AND ($3::uuid IS NULL OR "eventId" = $3::uuid)
       AND ($4::uuid IS NULL OR id < $4::uuid)
     ORDER BY id DESC
     LIMIT $5::int
    `,
    [endpointId, status, eventId, after, limit + 1],
  );
}
