import { mkdtempSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from '../support/child';
import { runCommand } from '../support/command';
import { Guardian } from '../support/guardian';
import { freePort } from '../support/ports';

/** What `npm start` refuses before it starts anything, each with one line. */

const guardian = new Guardian();
afterAll(() => guardian.dismiss());

const newDataDir = (): string => {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-refused-'));
  guardian.removeDir(dataDir);
  return dataDir;
};

async function refusalOf(env: NodeJS.ProcessEnv): Promise<string> {
  const ports = { PORT: `${await freePort()}`, SANDBOX_PORT: `${await freePort()}` };
  const { code, stdout, stderr } = await runCommand('scripts/start.mjs', [], { ...ports, ...env });
  expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: expect.any(String) });
  const lines = stderr.trim().split('\n');
  expect(lines).toHaveLength(1);
  return lines[0]!;
}

describe('npm start', () => {
  it.each([
    ['where no folder can be made', '/proc/holdfast'],
    ['where no folder can be made, deeper', '/proc/holdfast/data'],
    ['that is a file', path.join(root, 'package.json')],
    ['below a file', path.join(root, 'package.json', 'data')],
  ])('refuses a data folder %s', async (_what, HOLDFAST_DATA_DIR) => {
    expect(await refusalOf({ HOLDFAST_DATA_DIR })).toMatch(/HOLDFAST_DATA_DIR \S+ cannot be used: E/);
  });

  it.each([
    ['an invalid number', { SWEEP_MS: 'soon' }, /^\[holdfast\] SWEEP_MS is "soon", not a whole number/],
    [
      'settings that contradict each other',
      { SAGA_LEASE_MS: '4000' },
      /SAGA_LEASE_MS is 4000, not above twice/,
    ],
    ['an invalid sandbox key', { STRIPE_SECRET_KEY: 'pk_test_x' }, /STRIPE_SECRET_KEY does not start/],
    ['a live key at the sandbox', { STRIPE_SECRET_KEY: 'sk_live_x' }, /STRIPE_SECRET_KEY is a live key/],
    ['an invalid DATABASE_URL', { DATABASE_URL: 'mysql://x' }, /DATABASE_URL is not a URL that starts/],
    ['an unknown HOST', { HOST: 'nosuch.invalid' }, /HOST: "nosuch\.invalid" is not known here/],
    ['a HOST of another machine', { HOST: '203.0.113.7' }, /HOST: "203\.0\.113\.7" is not an address of/],
    [
      'production',
      { NODE_ENV: 'production' },
      /`npm start` is for development\. In production run node dist\/main\.js and dist\/worker\.js/,
    ],
  ])('refuses %s', async (_what, env, expected) => {
    const HOLDFAST_DATA_DIR = newDataDir();
    expect(await refusalOf({ ...env, HOLDFAST_DATA_DIR })).toMatch(expected);
    expect(readdirSync(HOLDFAST_DATA_DIR)).toEqual([]);
  });
});
