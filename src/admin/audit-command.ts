import { type Config, ConfigError, loadConfig } from '../config';
import { openDatabase } from '../database/database';
import { Audit } from './audit';
import { type LedgerRow, compareWithLedger, orderFacts } from './ledger';

/**
 * `npm run audit`: every promise against the database, and every order against the payment sandbox's own ledger. Prints
 * a line per promise; exits 1 when one is broken.
 */
async function main(): Promise<void> {
  try {
    process.exitCode = (await audit(loadConfig(process.env))) ? 0 : 1;
  } catch (error) {
    console.error(
      error instanceof ConfigError
        ? error.message
        : `The audit could not be made: ${(error as Error).message}`,
    );
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
    const ledger = await readLedger(config);
    if (!ledger) {
      console.log('not checked: the payment provider’s own ledger, for only the sandbox shows one');
      return report.ok;
    }
    const violations = compareWithLedger(await orderFacts(db), ledger);
    console.log(
      `${violations.length === 0 ? 'holds ' : 'BROKEN'} the ledger of ${ledger.length} orders at the payment sandbox agrees with ours`,
    );
    for (const row of violations.slice(0, 50)) console.log(`              ${JSON.stringify(row)}`);
    return report.ok && violations.length === 0;
  } finally {
    await close();
  }
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
