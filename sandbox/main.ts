import { UnreadableLedger } from './ledger/ledger-file';
import { createSandbox, type Sandbox } from './server';
import { SettingsError, readSettings } from './settings';

/**
 * The payment sandbox as a process of its own: a payment provider that can be killed, slowed down and
 * lied with, while its ledger keeps telling who paid.
 */
async function main(): Promise<void> {
  const sandbox = await createSandbox(readSettings(process.env));
  console.log(`sandbox listening on ${sandbox.url}`);

  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(sandbox));
}

/** Unanswered requests are part of the sandbox's trade, so leaving never waits for them. */
async function stop(sandbox: Sandbox): Promise<void> {
  await sandbox.close();
  process.exit(0);
}

/** What the person at the keyboard can mend gets one line; anything else is a bug and keeps its stack. */
function refuse(error: unknown): never {
  const isMendable = error instanceof SettingsError || error instanceof UnreadableLedger;
  console.error(isMendable ? error.message : error);
  process.exit(1);
}

main().catch(refuse);
