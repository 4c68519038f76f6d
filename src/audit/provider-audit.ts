import type { Config } from '../config/config';
import { type Database, clockOf } from '../database/database';
import { publicId } from '../ids';
import type { Difference } from '../orders/payment-check/compare';
import { openReconciliation } from '../reconciliation/open-reconciliation';
import { moneyIn } from '../reconciliation/lost-payments';
import type { PeriodComparison } from '../reconciliation/period-comparison';

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
  // An order, or a payment without one, may be on several pages.
  const seen = new Set<string>();
  const isNew = (id: string) => !seen.has(id) && Boolean(seen.add(id));
  let [all, others] = [0, 0];
  for await (const page of comparison.pages(period)) {
    all += page.compared;
    others += page.others;
    for (const orderId of page.suspects.filter(isNew)) {
      const differences = await stableDifferences(comparison, orderId);
      const order = publicId('ord', orderId);
      if (!differences) lines.push(`${order} changed during ${triesMax} comparisons: run the audit again`);
      for (const { kind, ours, provider } of differences ?? [])
        lines.push(`${order} ${kind}: here ${ours}, at the provider ${provider}`);
    }
    for (const payment of page.lost.filter(({ reference }) => isNew(reference))) {
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

/** Undefined: the order changed each time, so that the two sides could not be compared. */
async function stableDifferences(
  comparison: PeriodComparison,
  orderId: string,
): Promise<Difference[] | undefined> {
  for (let tries = 1; tries <= triesMax; tries++) {
    const differences = await comparison.differencesOf(orderId);
    if (differences) return differences;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return undefined;
}
