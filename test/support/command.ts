import { spawn } from 'node:child_process';
import path from 'node:path';
import { prebundledArgs, root } from './child';

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The Node that runs the programs under test; not Jest's when scripts/newest-node.mjs sets another. */
export const nodeUnderTest = process.env.HOLDFAST_TEST_NODE ?? process.execPath;

/** A bundle is for the Node that made it. Scripts start the service as a user does, without one. */
const usesBundle = (script: string) => nodeUnderTest === process.execPath && script.startsWith('dist/');

/** Runs one of our Node programs to its end. `script` is relative to the clone, e.g. `dist/database/migrate.js`. */
export function runCommand(
  script: string,
  args: string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const preload = usesBundle(script) ? prebundledArgs : [];
    const child = spawn(nodeUnderTest, [...preload, path.join(root, script), ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
