import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Child, root } from '../support/child';
import { type CommandResult, nodeUnderTest, runCommand } from '../support/command';
import { Guardian } from '../support/guardian';
import { HttpClient } from '../support/http-client';
import { freePort } from '../support/ports';
import { until } from '../support/until';

/** The first hour of a newcomer: `npm start`, a second instance, the commands, the README's order, the tour. */

interface Instance {
  child: Child;
  api: string;
  sandbox: string;
  dataDir: string;
}

const guardian = new Guardian();
let first: Instance;
let second: Instance;
const started: Child[] = [];

async function startInstance(name: string): Promise<Instance> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), `holdfast-${name}-`));
  guardian.removeDir(dataDir);
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const child = new Child(
    {
      name,
      command: nodeUnderTest,
      args: [path.join(root, 'scripts', 'start.mjs')],
      env: { ...process.env, PORT: `${port}`, SANDBOX_PORT: `${sandboxPort}`, HOLDFAST_DATA_DIR: dataDir },
      readyWhen: /Holdfast is ready/,
    },
    guardian,
  );
  started.push(child);
  await child.start();
  return { child, api: `http://127.0.0.1:${port}`, sandbox: `http://127.0.0.1:${sandboxPort}`, dataDir };
}

beforeAll(async () => {
  [first, second] = await Promise.all([startInstance('first'), startInstance('second')]);
});
afterAll(async () => {
  await Promise.all(started.map((child) => child.stop()));
  guardian.dismiss();
});

const command = (script: string, args: string[], env: NodeJS.ProcessEnv): Promise<CommandResult> =>
  runCommand('scripts/run.mjs', [script, ...args], env);
const audit = (env: NodeJS.ProcessEnv): Promise<CommandResult> =>
  command('dist/audit/audit-command.js', [], env);

const versionOf = async (node: string): Promise<string> =>
  (await promisify(execFile)(node, ['--version'])).stdout;

const instanceFile = ({ dataDir }: Instance): string => path.join(dataDir, 'instance.json');

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
  it('run on the Node under test', async () => {
    const { text } = await new HttpClient(first.api).get('/metrics');
    const version = (await versionOf(nodeUnderTest)).trim();
    expect(text).toContain(`nodejs_version_info{version="${version}"`);
  });

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
    const { code, stdout } = await audit({ HOLDFAST_DATA_DIR: first.dataDir, DATABASE_URL: databaseUrl });
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(
      /ledger was not compared: the instance in \S+ runs on another database .*STRIPE_API_URL=/,
    );
    expect(stdout).not.toContain('BROKEN');
  });

  it('are compared with the sandbox of STRIPE_API_URL, wherever the database is', async () => {
    const { databaseUrl } = JSON.parse(readFileSync(instanceFile(second), 'utf8')) as { databaseUrl: string };
    const given = { DATABASE_URL: databaseUrl, STRIPE_API_URL: second.sandbox };
    const { stdout } = await audit({ HOLDFAST_DATA_DIR: first.dataDir, ...given });
    expect(stdout).toContain(`own ledger agrees with every order (${second.sandbox})`);
  });

  it('get keys from npm run api-key in their own databases', async () => {
    const made = await command('dist/auth/api-key-command.js', ['create', 'shop-2', 'client'], {
      HOLDFAST_DATA_DIR: second.dataDir,
    });
    const statusAt = async ({ api }: Instance): Promise<number> =>
      (await new HttpClient(api, made.stdout.trim()).get('/v1/stock/MUG-WHITE')).status;
    expect([await statusAt(first), await statusAt(second)]).toEqual([401, 200]);
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

/** Runs a script in bash, with the instance's addresses instead of the default ones, and returns both streams. */
async function runScript(script: string, { api, sandbox }: Instance): Promise<string> {
  const here = script.replaceAll('http://127.0.0.1:3000', api).replaceAll('http://127.0.0.1:3100', sandbox);
  const shell = spawn('bash', ['-c', here], { stdio: ['ignore', 'pipe', 'pipe'] });
  guardian.watch('script', shell.pid!);
  let printed = '';
  for (const stream of [shell.stdout, shell.stderr])
    stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await once(shell, 'close');
  return printed;
}

const readDoc = (name: string): string => readFileSync(path.join(root, name), 'utf8');

/** Runs the blocks of docs/tour.md one after the other in one shell, as a reader would. Returns what each printed. */
async function takeTour(instance: Instance): Promise<Record<string, string>> {
  // The bold words in front of a block are its title.
  const blocks = readDoc('docs/tour.md').matchAll(/(?:\*\*(.+?)[.?]?\*\*[^\n]*\n\n|\n\n)```sh\n(.*?)```/gs);
  const script = [...blocks]
    .map(([, title = 'settings', code]) => `echo '=== ${title}'\n${code!}`)
    .join('\n');
  const parts = (await runScript(script, instance)).split(/^=== /m).slice(1);
  return Object.fromEntries(
    parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
}

describe('the README', () => {
  it('places an order, and replays it under the same key without a second charge', async () => {
    const [, block] = /^## Place an order\n\n```sh\n(.*?)```/ms.exec(readDoc('README.md'))!;
    const printed = await runScript(block!, first);
    const orders = [...printed.matchAll(/"id":"(ord_\w+)".*?"status":"(\w+)"/g)].map(([, id, status]) => [
      id,
      status,
    ]);
    expect(orders).toHaveLength(2);
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[0]![1]).toBe('placed');
  });
});

describe('docs/tour.md', () => {
  let printed: Record<string, string>;
  beforeAll(async () => {
    printed = await takeTour(first);
  });

  it.each([
    ['Reserve', [/^HTTP 201$/m, /"available":198/]],
    ['Buy', [/^HTTP 201$/m, /"status":"placed"/, /"payment":\{"status":"captured"/]],
    ['Send it again, five times at once', [/^HTTP 422$/m, /"code":"idempotency_key_reused"/]],
    ['A declined card gives its stock back', [/^HTTP 402$/m, /"code":"payment_declined"/]],
    ['A reservation expires', [/"available":0\}/, /"available":75/]],
    ['Who paid', [/^HTTP 200$/m, /"captured":1999/]],
    ['What happened to the order', [/^HTTP 200$/m, /"status":"completed"/, /"worker"/i]],
    [
      'The provider does not answer',
      [/"status":"unknown"/, /^HTTP 409$/m, /"code":"order_abandoned"/, /"status":"placed"/],
    ],
    ['Does every promise hold', [/^HTTP 200$/m, /^\{"ok":true/m]],
  ])('prints the documented output under "%s"', (title, promised) => {
    for (const pattern of promised) expect(printed[title]).toMatch(pattern);
  });

  it('replays the same order five times under one key', () => {
    const again = printed['Send it again, five times at once']!;
    expect(again.match(/^idempotent-replayed: true/gim)).toHaveLength(5);
    const ids = again.match(/"id":"ord_\w+"/g)!;
    expect(ids).toHaveLength(5);
    expect(new Set(ids).size).toBe(1);
    expect(printed.Buy).toContain(ids[0]);
  });

  it('has 42 limited drops available before and after the declined card', () => {
    expect(printed['A declined card gives its stock back']!.match(/"available":42/g)).toHaveLength(2);
  });
});

describe('Ctrl-C', () => {
  it('removes instance.json and stops the processes', async () => {
    await first.child.stop();
    await until('the file is gone', () => Promise.resolve(!existsSync(instanceFile(first))));
    expect((await audit({ HOLDFAST_DATA_DIR: first.dataDir })).stderr).toMatch(/No instance runs from/);
  });
});
