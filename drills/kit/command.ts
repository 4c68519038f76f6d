import { execFile } from 'node:child_process';
import path from 'node:path';
import type { DrilledShop } from './drilled-shop';
import type { Environment } from './environment';

interface CommandEnd {
  exitCode: number;
  output: string;
}

/** Runs a command of the build under test for a shop, as an operator would. */
export function commandOf(
  environment: Environment,
  shop: DrilledShop,
  script: string,
  args: string[] = [],
): Promise<CommandEnd> {
  const { databaseUrl, sandboxUrl, cell } = shop.service;
  const env = { DATABASE_URL: databaseUrl, STRIPE_API_URL: sandboxUrl, CELL: cell };
  return runCommand(environment, script, { args, env });
}

/** Runs a command of the build under test. */
export function runCommand(
  environment: Environment,
  script: string,
  { args = [], env }: { args?: string[]; env: NodeJS.ProcessEnv },
): Promise<CommandEnd> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(environment.dist, script), ...args],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) =>
        resolve({ exitCode: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
}
