// `npm run audit` and similar commands, for the instance that runs from this data folder unless the environment names
// another database.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { failWith } from './console.mjs';
import { commandEnv } from './instance.mjs';
import { root } from './processes.mjs';
import { readSettings } from './start-settings.mjs';

async function main([script, ...args]) {
  // It has nothing to do with an instance and its database.
  const isStripeCheck = script.endsWith('stripe-check-command.js');
  const { env, ledgerUnknown } = isStripeCheck ? { env: process.env } : ofInstance();
  // In production the provider is Stripe, whichever instance runs here.
  const isUnknown = ledgerUnknown && process.env.NODE_ENV !== 'production';
  if (isUnknown && script.endsWith('audit-command.js')) args.push('--without-ledger', ledgerUnknown);
  await bootstrap({ build: true });
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', path.join(root, script), ...args], {
    stdio: 'inherit',
    env,
  });
  process.exitCode = status ?? 1;
}

function ofInstance() {
  const { dataDir } = readSettings(process.env);
  return commandEnv(process.env, dataDir);
}

await main(process.argv.slice(2)).catch(failWith);
