// `npm run flash-sale`: many buyers, few units, and a check of every record at the end.
import { runLoadTest } from '../loadtest/run.mjs';
import { failWith } from './console.mjs';
import { readInstance } from './instance.mjs';
import { readSettings } from './start-settings.mjs';

/** An instance that runs from HOLDFAST_DATA_DIR has a known sandbox, whose ledger is compared at the end. */
function addSandboxOf(argv) {
  const given = (name) => argv.some((arg) => arg === name || arg.startsWith(`${name}=`));
  if (!given('--url') || given('--sandbox-url')) return;
  const instance = readInstance(readSettings(process.env).dataDir);
  const urls = argv.map((arg) =>
    arg
      .replace(/^--url=/, '')
      .replace(/\/$/, '')
      .replace('//localhost:', '//127.0.0.1:'),
  );
  if (instance?.isRunning && instance.sandboxUrl && urls.includes(instance.apiUrl))
    argv.push('--sandbox-url', instance.sandboxUrl);
}

try {
  addSandboxOf(process.argv);
  await runLoadTest({ module: 'flash-sale', main: 'flashSale', usage: ['flash-args', 'flashSaleUsage'] });
} catch (error) {
  failWith(error);
}
