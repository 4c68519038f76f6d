import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Guardian } from '../support/guardian';
import { HttpClient } from '../support/http-client';
import { type Instance, audit, command, instanceFile, startInstance } from '../support/instance';

/** Two times `npm start` on one machine, the second as another cell, and the commands beside them. */

const CELL = 'eu1:3';

const guardian = new Guardian();
let first: Instance;
let second: Instance;

beforeAll(async () => {
  [first, second] = await Promise.all([
    startInstance('first', guardian),
    startInstance('second', guardian, { CELL }),
  ]);
});
afterAll(async () => {
  await Promise.all([first?.child.stop(), second?.child.stop()]);
  guardian.dismiss();
});

async function buy({ api }: Instance, key: string): Promise<void> {
  const order = {
    customerId: 'cus_ada',
    paymentMethod: 'pm_card_visa',
    lines: [{ sku: 'TEE-BLACK-M', quantity: 1 }],
  };
  const headers = { 'idempotency-key': key, prefer: 'wait=30' };
  const answer = await new HttpClient(api, 'hf_dev_client').post('/v1/orders', order, { headers });
  expect({ status: answer.status, order: answer.body.status }).toEqual({ status: 201, order: 'placed' });
}

describe('two instances side by side', () => {
  it('are audited each with its own sandbox, found by the data folder', async () => {
    for (const instance of [first, second]) {
      await buy(instance, 'audited');
      const { code, stdout } = await audit({ HOLDFAST_DATA_DIR: instance.dataDir });
      expect({ code, stdout }).toMatchObject({ code: 0 });
      expect(stdout).toMatch(/I14 .* the drills show it/);
      expect(stdout).toContain(`own ledger agrees with every order (${instance.sandbox})`);
    }
  });

  it('keep no secret in instance.json', () => {
    expect(readFileSync(instanceFile(first), 'utf8')).not.toMatch(/hf_dev|sk_test|whsec/);
  });

  it('skip the ledger, and say why, when DATABASE_URL is the other instance’s database', async () => {
    const { databaseUrl } = JSON.parse(readFileSync(instanceFile(second), 'utf8')) as { databaseUrl: string };
    const given = { DATABASE_URL: databaseUrl, CELL };
    const { code, stdout } = await audit({ HOLDFAST_DATA_DIR: first.dataDir, ...given });
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(
      /ledger was not compared: the instance in \S+ runs on another database .*STRIPE_API_URL=/,
    );
    expect(stdout).not.toContain('BROKEN');
  });

  it('are compared with the sandbox of STRIPE_API_URL, wherever the database is', async () => {
    const { databaseUrl } = JSON.parse(readFileSync(instanceFile(second), 'utf8')) as { databaseUrl: string };
    const given = { DATABASE_URL: databaseUrl, STRIPE_API_URL: second.sandbox, CELL };
    const { stdout } = await audit({ HOLDFAST_DATA_DIR: first.dataDir, ...given });
    expect(stdout).toContain(`own ledger agrees with every order (${second.sandbox})`);
  });

  it('get keys from npm run api-key in their own databases, which name their cells', async () => {
    const made = await command('dist/auth/api-key-command.js', ['create', 'shop-2', 'client'], {
      HOLDFAST_DATA_DIR: second.dataDir,
    });
    const statusAt = async ({ api }: Instance): Promise<number> =>
      (await new HttpClient(api, made.stdout.trim()).get('/v1/stock/MUG-WHITE')).status;
    expect(made.stdout).toMatch(/^hf_eu1_/);
    expect([await statusAt(first), await statusAt(second)]).toEqual([421, 200]);
  });

  it('report a killed instance instead of calling its closed port', async () => {
    await second.child.kill('SIGKILL');
    const env = { HOLDFAST_DATA_DIR: second.dataDir };
    expect(await audit(env)).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /The instance in \S+ \(pid \d+, started .*\) is not running any more.*npm start/,
      ),
    });
    expect(await audit({ HOLDFAST_DATA_DIR: path.join(first.dataDir, 'none') })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/No instance runs from .*npm start/),
    });
  });
});
