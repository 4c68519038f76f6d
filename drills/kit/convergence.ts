import assert from 'node:assert/strict';
import { findings } from '../../test/support/audit';
import { until } from '../../test/support/until';
import type { DrilledShop } from './drilled-shop';

/** How often scheduled attempts are made due. */
const hurryEveryMs = 500;

export interface Rest {
  /** False with queues off: no consumer applies messages. */
  messages?: boolean;
}

/**
 * Resolves when no work is left: no running saga, no payment task, no unapplied message, no unprocessed webhook, no payment to
 * check, no due reservation.
 */
export async function converge(shop: DrilledShop, { messages = true }: Rest = {}): Promise<void> {
  let hurriedAt = 0;
  await until('everything has converged', async () => {
    if (performance.now() - hurriedAt > hurryEveryMs) {
      await shop.hurry();
      hurriedAt = performance.now();
    }
    const [left] = await shop.query<Record<string, number>>(underWay);
    const busy = Object.entries(left!).filter(
      ([what, count]) => count > 0 && (messages || what !== 'messages'),
    );
    if (busy.length > 0) throw new Error(busy.map(([what, count]) => `${count} ${what}`).join(', '));
    return true;
  });
}

/**
 * When no work is left, the shop's records, the provider's ledger and the buyers' log must agree. Exactly `stuck` sagas
 * may be stuck.
 */
export async function audit(shop: DrilledShop, { stuck = 0 } = {}): Promise<void> {
  const waiting = await shop.query<{ id: string; step: string; error: string }>(
    `SELECT order_id AS id, step, last_error AS error FROM sagas WHERE status = 'stuck'`,
  );
  const wrong = [
    ...(await findings(shop)),
    ...(await shop.log.findings(shop)),
    ...(waiting.length === stuck
      ? []
      : [`${waiting.length} sagas are stuck, not ${stuck}: ${JSON.stringify(waiting)}`]),
  ];
  assert.deepEqual(wrong, [], 'the audit finds something wrong');
}

const underWay = `
  SELECT (SELECT count(*)::int FROM sagas WHERE status IN ('running', 'compensating')) AS sagas,
         (SELECT count(*)::int FROM payment_tasks WHERE status = 'due') AS "payment tasks",
         (SELECT count(*)::int FROM outbox WHERE applied_at IS NULL) AS messages,
         (SELECT count(*)::int FROM provider_events WHERE processed_at IS NULL) AS webhooks,
         (SELECT count(*)::int FROM payment_checks JOIN sagas USING (order_id)
           -- Not those of authorizations that can be captured for days.
           WHERE status IN ('completed', 'compensated')
             AND due_at < clock_timestamp() + interval '1 hour') AS "payments to check",
         (SELECT count(*)::int FROM reservations WHERE status = 'active' AND expires_at < clock_timestamp()) AS "reservations past their time"`;
