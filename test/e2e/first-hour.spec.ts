import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../support/child';
import { nodeUnderTest } from '../support/command';
import { Guardian } from '../support/guardian';
import { HttpClient } from '../support/http-client';
import { type Instance, audit, instanceFile, startInstance } from '../support/instance';
import { until } from '../support/until';

/** The first hour of a newcomer: `npm start`, the README's order, the tour, Ctrl-C. CI runs it on the newest Node too. */

const guardian = new Guardian();
let first: Instance;

beforeAll(async () => {
  first = await startInstance('first', guardian);
});
afterAll(async () => {
  await first?.child.stop();
  guardian.dismiss();
});

describe('npm start', () => {
  it('runs on the Node under test', async () => {
    const { stdout: version } = await promisify(execFile)(nodeUnderTest, ['--version']);
    const { text } = await new HttpClient(first.api).get('/metrics');
    expect(text).toContain(`nodejs_version_info{version="${version.trim()}"`);
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
    ['Another card on the same stock', [/^HTTP 402$/m, /"attemptsLeft":2/, /^HTTP 201$/m, /"attempts":2/]],
    [
      'The buyer authenticates',
      [/^HTTP 202$/m, /"status":"requires_action"/, /"clientSecret":"pi_/, /"status":"placed"/],
    ],
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
