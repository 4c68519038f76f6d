import { UsageError, parseArguments } from '../config/arguments';
import { type Config, loadConfig } from '../config/config';
import { type Database, openDatabase } from '../database/database';
import { explainFailure } from '../database/start-errors';
import { Audit } from './audit';
import { type LedgerRow, type LedgerViolation, compareWithLedger, orderFacts } from './ledger';
import { type ProviderAudit, auditProvider } from './provider-audit';

const secondLookMs = 1_000;

const usage = `Usage:
  npm run audit                                every promise, and every order against the provider
  npm run audit -- --from <date>               the same; from when the provider's records are compared (default: a day ago)
  npm run audit -- --without-ledger <reason>   the promises only

The payment sandbox shows its whole ledger; the records of any other provider are compared from a date on.`;

/**
 * `npm run audit`: checks every promise against the database, and the orders against the payment provider.
 * Prints a line per promise; exits 1 when one is broken.
 */
async function main(args: string[]): Promise<void> {
  try {
    const { read } = parseArguments(args, { options: ['without-ledger', 'from'], usage });
    const config = loadConfig(process.env, 'command');
    const how = { withoutLedger: read.text('without-ledger', ''), from: read.date('from') };
    process.exitCode = (await audit(config, how)) ? 0 : 1;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? error.message : explainFailure('The audit could not be made', error));
    process.exitCode = isUsage ? 2 : 1;
  }
}

interface How {
  /** Why the provider is not asked; empty: it is. */
  withoutLedger: string;
  from: Date | undefined;
}

async function audit(config: Config, { withoutLedger, from }: How): Promise<boolean> {
  const { db, close } = await openDatabase(config, 'holdfast-audit');
  try {
    const report = await new Audit(db).run();
    for (const { id, promise, violations } of report.invariants) {
      console.log(`${violations.length === 0 ? 'holds ' : 'BROKEN'} ${id.padEnd(4)} ${promise}`);
      for (const row of violations) console.log(`              ${JSON.stringify(row)}`);
    }
    console.log('       I14  Every order ends: no query can check that, the drills show it (docs/drills.md)');
    return (await agreesWithProvider(db, config, { withoutLedger, from })) && report.ok;
  } finally {
    await close();
  }
}

async function agreesWithProvider(
  db: Database,
  config: Config,
  { withoutLedger, from }: How,
): Promise<boolean> {
  const found = withoutLedger || (await providerFindings(db, config, from));
  if (typeof found === 'string') {
    console.log(`The payment provider's ledger was not compared: ${found}.`);
    return true;
  }
  const { what, lines } = found;
  console.log(`${lines.length === 0 ? 'holds ' : 'BROKEN'} ${what}`);
  // All of them: each is money, and after a restore an operator works through the list.
  for (const line of lines) console.log(`       ${line}`);
  return lines.length === 0;
}

async function providerFindings(
  db: Database,
  config: Config,
  from: Date | undefined,
): Promise<ProviderAudit | string> {
  const ledger = config.production ? 'none' : await readLedger(config);
  if (ledger === 'none') return auditProvider(db, config, from);
  if (typeof ledger === 'string') return ledger;
  const violations = await ledgerViolations(db, config, ledger);
  return {
    what: `the payment sandbox’s own ledger agrees with every order (${config.stripeApiUrl})`,
    lines: violations.map(({ invariant, orderId, what }) => `${invariant.padEnd(4)} ${orderId} ${what}`),
  };
}

/**
 * Our orders and the ledger cannot be read at the same instant, so differences are checked again: an order that was being
 * charged between the two reads agrees the second time, a real difference stays.
 */
async function ledgerViolations(
  db: Database,
  config: Config,
  first: LedgerRow[],
): Promise<LedgerViolation[]> {
  let suspects: LedgerViolation[] | undefined;
  for (let looks = 0; looks < 3 && suspects?.length !== 0; looks++) {
    if (looks > 0) await new Promise((resolve) => setTimeout(resolve, secondLookMs));
    const orders = await orderFacts(db);
    const ledger = looks === 0 ? first : await readLedger(config);
    if (typeof ledger === 'string') throw new Error(ledger);
    const found = compareWithLedger(orders, ledger);
    const before = suspects && new Set(suspects.map(({ orderId, what }) => orderId + what));
    suspects = before ? found.filter(({ orderId, what }) => before.has(orderId + what)) : found;
  }
  return suspects ?? [];
}

/** The rows; `none`: it is not the sandbox, so it shows no ledger; or why there is no answer. */
async function readLedger({ stripeApiUrl }: Config): Promise<LedgerRow[] | string> {
  try {
    const response = await fetch(new URL('/sandbox/ledger', stripeApiUrl));
    return response.ok ? ((await response.json()) as { data: LedgerRow[] }).data : 'none';
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message;
    return `the payment sandbox at ${stripeApiUrl} does not answer (${cause}). Start it, or set STRIPE_API_URL`;
  }
}

void main(process.argv.slice(2));
