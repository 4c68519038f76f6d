import { type Config, loadConfig } from '../config';
import { type Database, openDatabase } from '../database/database';
import { explainFailure } from '../database/start-errors';
import { Audit } from './audit';
import { type LedgerRow, type LedgerViolation, compareWithLedger, orderFacts } from './ledger';

const secondLookMs = 1_000;

/**
 * `npm run audit`: every promise against the database, and every order against the payment sandbox's own ledger. Prints
 * a line per promise; exits 1 when one is broken.
 */
async function main(): Promise<void> {
  try {
    process.exitCode = (await audit(loadConfig(process.env, 'command'))) ? 0 : 1;
  } catch (error) {
    console.error(explainFailure('The audit could not be made', error));
    process.exitCode = 1;
  }
}

async function audit(config: Config): Promise<boolean> {
  const { db, close } = await openDatabase(config, 'holdfast-audit');
  try {
    const report = await new Audit(db).run();
    for (const { id, promise, violations } of report.invariants) {
      console.log(`${violations.length === 0 ? 'holds ' : 'BROKEN'} ${id.padEnd(4)} ${promise}`);
      for (const row of violations) console.log(`              ${JSON.stringify(row)}`);
    }
    const violations = await ledgerViolations(db, config);
    if (!violations) {
      console.log('not checked: the payment provider’s own ledger, for only the sandbox shows one');
      return report.ok;
    }
    console.log(
      `${violations.length === 0 ? 'holds ' : 'BROKEN'} the payment sandbox’s own ledger agrees with every order`,
    );
    // All of them: each is money, and after a restore an operator works through the list.
    for (const { invariant, orderId, what } of violations)
      console.log(`       ${invariant.padEnd(4)} ${orderId} ${what}`);
    return report.ok && violations.length === 0;
  } finally {
    await close();
  }
}

/**
 * The two books cannot be read in one instant, so what looks wrong is looked at again: an order that was on its way in
 * between is fine the second time, a real difference stays.
 */
async function ledgerViolations(db: Database, config: Config): Promise<LedgerViolation[] | undefined> {
  let suspects: LedgerViolation[] | undefined;
  for (let looks = 0; looks < 3 && suspects?.length !== 0; looks++) {
    if (looks > 0) await new Promise((resolve) => setTimeout(resolve, secondLookMs));
    const orders = await orderFacts(db);
    const ledger = await readLedger(config);
    if (!ledger) return undefined;
    const found = compareWithLedger(orders, ledger);
    const before = suspects && new Set(suspects.map(({ orderId, what }) => orderId + what));
    suspects = before ? found.filter(({ orderId, what }) => before.has(orderId + what)) : found;
  }
  return suspects;
}

/** Undefined: this provider has none, or the sandbox is not running. */
async function readLedger(config: Config): Promise<LedgerRow[] | undefined> {
  try {
    const response = await fetch(new URL('/sandbox/ledger', config.stripeApiUrl));
    return response.ok ? ((await response.json()) as { data: LedgerRow[] }).data : undefined;
  } catch {
    return undefined;
  }
}

void main();
