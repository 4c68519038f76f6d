import type { Config } from '../config/config';
import { type Database, clockOf } from '../database/database';
import { publicId } from '../ids';
import { openReconciliation } from '../reconciliation/open-reconciliation';
import { moneyIn } from '../reconciliation/lost-payments';

const dayMs = 86_400_000;
/** An order that is being paid between two reads can be compared a moment later. */
const triesMax = 3;
const pauseMs = 1_000;

/** What was compared, in a sentence that is true when there are no lines, and a line for each difference. */
export interface ProviderAudit {
  what: string;
  lines: string[];
}

/**
 * The third ledger where there is no sandbox: the provider's own records, from `from` until now. It reads as reconciliation
 * does and records nothing. Differences that are payment facts already are known, and in the review list.
 */
export async function auditProvider(
  db: Database,
  config: Config,
  from: Date | undefined,
): Promise<ProviderAudit> {
  const { comparison } = openReconciliation(config, db);
  const to = await clockOf(db);
  const period = { from: from ?? new Date(to.getTime() - dayMs), to };
  await comparison.requireOurAccount();
  const lines: string[] = [];
  let [all, others] = [0, 0];
  for await (const page of comparison.pages(period)) {
    all += page.compared;
    others += page.others;
    for (const orderId of page.suspects) {
      for (let tries = 1; tries <= triesMax; tries++) {
        const differences = await comparison.differencesOf(orderId);
        lines.push(
          ...(differences ?? []).map(
            ({ kind, ours, provider }) =>
              `${publicId('ord', orderId)} ${kind}: here ${ours}, at the provider ${provider}`,
          ),
        );
        if (differences) break;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
    for (const payment of page.lost) {
      const money = moneyIn(payment);
      const id = payment.orderId ? publicId('ord', payment.orderId) : payment.reference;
      if (money > 0)
        lines.push(
          `${id} unknown_order: this database has no such order, but the provider has ${money} ${payment.currency} for it`,
        );
    }
  }
  const when = `from ${period.from.toISOString()} to ${to.toISOString()}`;
  return {
    what: `the provider's records agree with every order (${all} payments ${when}; ${others} of others were not compared)`,
    lines,
  };
}
