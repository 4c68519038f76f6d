import { UsageError, parseArguments } from '../config/arguments';
import { type Config, loadConfig } from '../config/config';
import { type Database, openDatabase } from '../database/database';
import { explainFailure } from '../database/start-errors';
import { Audit } from './audit';
import { type LedgerRow, type LedgerViolation, compareWithLedger, orderFacts } from './ledger';

const secondLookMs = 1_000;

const usage = `Usage:
  npm run audit                                every promise, and every order against the payment sandbox's ledger
  npm run audit -- --without-ledger <reason>   the promises only`;

/**
 * `npm run audit`: checks every promise against the database, and every order against the payment sandbox's ledger.
 * Prints a line per promise; exits 1 when one is broken.
 */
async function main(args: string[]): Promise<void> {
  try {
    const { read } = parseArguments(args, { options: ['without-ledger'], usage });
    const config = loadConfig(process.env, 'command');
    process.exitCode = (await audit(config, read.text('without-ledger', '') || undefined)) ? 0 : 1;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? error.message : explainFailure('The audit could not be made', error));
    process.exitCode = isUsage ? 2 : 1;
  }
}

async function audit(config: Config, withoutLedger: string | undefined): Promise<boolean> {
  const { db, close } = await openDatabase(config, 'holdfast-audit');
  try {
    const report = await new Audit(db).run();
    for (const { id, promise, violations } of report.invariants) {
      console.log(`${violations.length === 0 ? 'holds ' : 'BROKEN'} ${id.padEnd(4)} ${promise}`);
      for (const row of violations) console.log(`              ${JSON.stringify(row)}`);
    }
    console.log('       I14  Every order ends: no query can check that, the drills show it (docs/drills.md)');
    const found = withoutLedger ?? (await ledgerViolations(db, config));
    if (typeof found === 'string') {
      console.log(`The payment provider's ledger was not compared: ${found}.`);
      return report.ok;
    }
    const violations = found;
    console.log(
      `${violations.length === 0 ? 'holds ' : 'BROKEN'} the payment sandbox’s own ledger agrees with every order (${config.stripeApiUrl})`,
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
 * Our orders and the ledger cannot be read at the same instant, so differences are checked again: an order that was being
 * charged between the two reads agrees the second time, a real difference stays.
 */
async function ledgerViolations(db: Database, config: Config): Promise<LedgerViolation[] | string> {
  let suspects: LedgerViolation[] | undefined;
  for (let looks = 0; looks < 3 && suspects?.length !== 0; looks++) {
    if (looks > 0) await new Promise((resolve) => setTimeout(resolve, secondLookMs));
    const orders = await orderFacts(db);
    const ledger = await readLedger(config);
    if (typeof ledger === 'string') return ledger;
    const found = compareWithLedger(orders, ledger);
    const before = suspects && new Set(suspects.map(({ orderId, what }) => orderId + what));
    suspects = before ? found.filter(({ orderId, what }) => before.has(orderId + what)) : found;
  }
  return suspects ?? [];
}

/** The rows, or why there are none: it is not the sandbox, or the sandbox does not run. */
async function readLedger({ stripeApiUrl }: Config): Promise<LedgerRow[] | string> {
  try {
    const response = await fetch(new URL('/sandbox/ledger', stripeApiUrl));
    if (response.ok) return ((await response.json()) as { data: LedgerRow[] }).data;
    return `${stripeApiUrl} is not the payment sandbox (it answered ${response.status}), and only the sandbox shows its ledger`;
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message;
    return `the payment sandbox at ${stripeApiUrl} does not answer (${cause}). Start it, or set STRIPE_API_URL`;
  }
}

void main(process.argv.slice(2));
