// Runs test/e2e/first-hour.spec.ts on the newest Node: `npm start`, a purchase, the README's order, the tour, Ctrl-C.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { failWith, SetupError, stage } from './console.mjs';
import { isMain, root } from './processes.mjs';

/** When a newer Node is released, raise it here and in the README. */
export const newestNode = '26.10.0';

/** npm's own builds of Node come as one package for each platform. */
const packageName = `node-${process.platform}-${process.arch}`;

function install() {
  const dir = path.join(root, 'node_modules', '.cache', 'holdfast', `node-${newestNode}`);
  const binary = path.join(dir, 'node_modules', packageName, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(dir, { recursive: true });
  const args = ['install', '--prefix', dir, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
  const { status } = spawnSync('npm', [...args, `${packageName}@${newestNode}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status === 0 && existsSync(binary)) return binary;
  throw new SetupError(`${packageName}@${newestNode} could not be installed from the npm registry.`);
}

async function main() {
  let binary;
  await stage(`Node ${newestNode} in node_modules/.cache`, () => void (binary = install()));
  const { status } = spawnSync(
    process.execPath,
    [path.join(root, 'scripts', 'test.mjs'), 'test/e2e/first-hour.spec.ts'],
    { cwd: root, stdio: 'inherit', env: { ...process.env, HOLDFAST_TEST_NODE: binary } },
  );
  process.exitCode = status ?? 1;
}

if (isMain(import.meta.url)) await main().catch(failWith);
