// `npm run audit` and its like: a command of the service, against the database that `npm start` runs here unless
// DATABASE_URL names another.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { failWith, SetupError } from './console.mjs';
import { root } from './processes.mjs';
import { readSettings } from './start-settings.mjs';

async function main([script, ...args]) {
  const settings = readSettings(process.env);
  const env = { ...process.env, DATABASE_URL: settings.databaseUrl ?? embeddedUrl(settings) };
  env.STRIPE_API_URL ||= `http://127.0.0.1:${settings.sandboxPort}`;
  await bootstrap({ build: true });
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', path.join(root, script), ...args], {
    stdio: 'inherit',
    env,
  });
  process.exitCode = status ?? 1;
}

function embeddedUrl({ dataDir }) {
  const file = path.join(dataDir, 'postgres.port');
  if (existsSync(file)) return `postgres://holdfast@127.0.0.1:${readFileSync(file, 'utf8').trim()}/holdfast`;
  throw new SetupError(`No database runs from ${dataDir}. Run npm start there first, or set DATABASE_URL.`);
}

await main(process.argv.slice(2)).catch(failWith);
