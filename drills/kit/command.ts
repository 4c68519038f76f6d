import { execFile } from 'node:child_process';
import path from 'node:path';
import type { DrilledShop } from './drilled-shop';
import type { Environment } from './environment';

/** Runs a command of the build under test, as an operator would. */
export function commandOf(
  environment: Environment,
  shop: DrilledShop,
  script: string,
  args: string[] = [],
): Promise<{ exitCode: number; output: string }> {
  const { databaseUrl, sandboxUrl } = shop.service;
  const env = { ...process.env, DATABASE_URL: databaseUrl, STRIPE_API_URL: sandboxUrl };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(environment.dist, script), ...args],
      { env },
      (error, stdout, stderr) =>
        resolve({ exitCode: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
}
