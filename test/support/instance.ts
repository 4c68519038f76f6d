import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Child, root } from './child';
import { type CommandResult, nodeUnderTest, runCommand } from './command';
import type { Guardian } from './guardian';
import { freePort } from './ports';

/** What `npm start` runs from one data folder. */
export interface Instance {
  child: Child;
  api: string;
  sandbox: string;
  dataDir: string;
}

/** Starts one on free ports, with a data folder that the guardian removes. */
export async function startInstance(
  name: string,
  guardian: Guardian,
  settings: NodeJS.ProcessEnv = {},
): Promise<Instance> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), `holdfast-${name}-`));
  guardian.removeDir(dataDir);
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const child = new Child(
    {
      name,
      command: nodeUnderTest,
      args: [path.join(root, 'scripts', 'start.mjs')],
      env: {
        ...process.env,
        PORT: `${port}`,
        SANDBOX_PORT: `${sandboxPort}`,
        HOLDFAST_DATA_DIR: dataDir,
        ...settings,
      },
      readyWhen: /Holdfast is ready/,
    },
    guardian,
  );
  await child.start();
  return { child, api: `http://127.0.0.1:${port}`, sandbox: `http://127.0.0.1:${sandboxPort}`, dataDir };
}

export const instanceFile = ({ dataDir }: Instance): string => path.join(dataDir, 'instance.json');

/** Runs a built command as its npm script does. */
export const command = (script: string, args: string[], env: NodeJS.ProcessEnv): Promise<CommandResult> =>
  runCommand('scripts/run.mjs', [script, ...args], env);

export const audit = (env: NodeJS.ProcessEnv): Promise<CommandResult> =>
  command('dist/audit/audit-command.js', [], env);
