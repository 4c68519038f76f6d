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
  const { dataDir } = readSettings(process.env);
  const { env, ledgerUnknown } = commandEnv(process.env, dataDir);
  if (ledgerUnknown && script.endsWith('audit-command.js')) args.push('--without-ledger', ledgerUnknown);
  await bootstrap({ build: true });
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', path.join(root, script), ...args], {
    stdio: 'inherit',
    env,
  });
  process.exitCode = status ?? 1;
}

await main(process.argv.slice(2)).catch(failWith);
