import { UnreadableLedger } from './ledger/ledger-file';
import { createSandbox, type Sandbox } from './server';
import { SettingsError, readSettings } from './settings';

/**
 * The payment sandbox as a separate process: a payment provider that can be killed, slowed down and made to fail, while
 * its ledger still says who paid.
 */
async function main(): Promise<void> {
  const sandbox = await createSandbox(readSettings(process.env));
  // Before it says that it is ready: a signal may follow that line at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(sandbox));
  console.log(`sandbox listening on ${sandbox.url}`);
}

/** Does not wait for open requests: the sandbox leaves some of them unanswered on purpose. */
async function stop(sandbox: Sandbox): Promise<void> {
  await sandbox.close();
  process.exit(0);
}

/** What the operator can fix gets one line; anything else is a bug and keeps its stack. */
function refuse(error: unknown): never {
  const isFixable = error instanceof SettingsError || error instanceof UnreadableLedger;
  console.error(isFixable ? error.message : error);
  process.exit(1);
}

main().catch(refuse);
