import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { transformSync } from '@swc/core';
import type Stripe from 'stripe';
import { Receiver, errorOf, eventually, newOrderId, payment, stripeAt } from './harness';

const root = resolve(__dirname, '../..');
const workspace = mkdtempSync(join(tmpdir(), 'holdfast-sandbox-process-'));
const children: ChildProcess[] = [];

/** Compiles the sandbox for this run, so that no stale build is tested. */
beforeAll(() => {
  const sources = readdirSync(join(root, 'sandbox'), { recursive: true, encoding: 'utf8' });
  for (const file of sources.filter((name) => name.endsWith('.ts'))) {
    const { code } = transformSync(readFileSync(join(root, 'sandbox', file), 'utf8'), {
      swcrc: false,
      module: { type: 'commonjs' },
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    });
    const out = join(workspace, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, code);
  }
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await gone;
    }
  }
});
afterAll(() => rmSync(workspace, { recursive: true, force: true }));

interface Started {
  child: ChildProcess;
  /** What it printed so far. */
  output: { stdout: string; stderr: string };
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(env: Record<string, string>): Started {
  const child = spawn(process.execPath, [join(workspace, 'main.js')], {
    cwd: workspace,
    env: {
      PATH: process.env.PATH,
      NODE_PATH: join(root, 'node_modules'),
      SANDBOX_WEBHOOK_URL: 'http://127.0.0.1:9/',
      ...env,
    },
  });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) => {
    child.once('close', (code) => done({ code, ...output }));
  });
  return { child, output, ended };
}

async function listening(env: Record<string, string> = {}): Promise<Started & { url: string }> {
  const started = start({ SANDBOX_PORT: '0', ...env });
  const line = await Promise.race([
    new Promise<string>((done) => {
      started.child.stdout!.on('data', () => {
        if (started.output.stdout.includes('\n')) done(started.output.stdout);
      });
    }),
    started.ended.then(({ stderr }) => {
      throw new Error(`The sandbox ended: ${stderr}`);
    }),
  ]);
  return { ...started, url: /^sandbox listening on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(line)![1]! };
}

describe('node dist/sandbox.js', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    [
      'in production',
      { NODE_ENV: 'production' },
      /^NODE_ENV is production, .*, for example NODE_ENV=development$/,
    ],
    [
      'on a port that is no number',
      { SANDBOX_PORT: 'http' },
      /^SANDBOX_PORT is "http", .*, for example SANDBOX_PORT=3100$/,
    ],
    ['on a port that does not exist', { SANDBOX_PORT: '65536' }, /^SANDBOX_PORT is "65536"/],
    ['with an API port that is no number', { PORT: '-1' }, /^PORT is "-1"/],
    [
      'with a live key',
      { STRIPE_SECRET_KEY: 'sk_live_51abc' },
      /^STRIPE_SECRET_KEY (?!.*51abc).*, for example STRIPE_SECRET_KEY=sk_test_/,
    ],
    [
      'with an invalid secret',
      { STRIPE_WEBHOOK_SECRET: 'secret' },
      /^STRIPE_WEBHOOK_SECRET .*, for example STRIPE_WEBHOOK_SECRET=whsec_/,
    ],
    [
      'with an invalid webhook URL',
      { SANDBOX_WEBHOOK_URL: 'localhost:3000' },
      /^SANDBOX_WEBHOOK_URL is "localhost:3000"/,
    ],
    [
      'with a key window of zero',
      { SANDBOX_KEY_WINDOW_SECONDS: '0' },
      /^SANDBOX_KEY_WINDOW_SECONDS is "0", .* 1 to 2592000, for example SANDBOX_KEY_WINDOW_SECONDS=86400$/,
    ],
    [
      'with a key window in words',
      { SANDBOX_KEY_WINDOW_SECONDS: '1h' },
      /^SANDBOX_KEY_WINDOW_SECONDS is "1h"/,
    ],
    [
      'with a key window longer than any',
      { SANDBOX_KEY_WINDOW_SECONDS: '2592001' },
      /^SANDBOX_KEY_WINDOW_SECONDS/,
    ],
    [
      'on an address of another machine',
      { SANDBOX_HOST: '192.0.2.1' },
      /^SANDBOX_HOST is "192.0.2.1", .*, for example SANDBOX_HOST=127.0.0.1$/,
    ],
    [
      'with a data folder where no folder can be made',
      { HOLDFAST_DATA_DIR: '/proc/holdfast/data' },
      /^HOLDFAST_DATA_DIR is "\/proc\/holdfast\/data"/,
    ],
    [
      'with a data folder below a file',
      { HOLDFAST_DATA_DIR: '/dev/null/here' },
      /^HOLDFAST_DATA_DIR is "\/dev\/null\/here"/,
    ],
  ])('refuses to start %s, and says why in one line', async (_when, env, line) => {
    const { code, stdout, stderr } = await start({ SANDBOX_PORT: '0', ...env }).ended;
    expect(stderr.trimEnd()).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect([code, stdout]).toEqual([1, '']);
  });

  it('names a port that is in use and its variable, and does not touch the ledger', async () => {
    const taken = createServer();
    await new Promise<void>((done) => {
      taken.listen(0, '127.0.0.1', done);
    });
    const { port } = taken.address() as AddressInfo;
    const dataDir = join(workspace, 'taken');
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'sandbox-ledger.jsonl'), '{"attempt":"ord_being_writ');

    const { code, stderr } = await start({ SANDBOX_PORT: String(port), HOLDFAST_DATA_DIR: dataDir }).ended;
    await new Promise((done) => {
      taken.close(done);
    });
    expect(stderr.trimEnd()).toMatch(new RegExp(`^SANDBOX_PORT is ${port}, .*SANDBOX_PORT=${port + 1}$`));
    expect(code).toBe(1);
    expect(readFileSync(join(dataDir, 'sandbox-ledger.jsonl'), 'utf8')).toBe('{"attempt":"ord_being_writ');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends at %s although a request is unanswered', async (signal) => {
    const { child, url, ended } = await listening({ HOLDFAST_DATA_DIR: join(workspace, signal) });
    const orderId = newOrderId();
    const hanging = errorOf(stripeAt(url).paymentIntents.create(payment(orderId, 'pm_sandbox_slow_3600000')));
    await received(url, orderId);

    child.kill(signal);
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    await hanging;
  });

  it('remembers every response after kill -9', async () => {
    const env = { HOLDFAST_DATA_DIR: join(workspace, 'killed') };
    const first = await listening(env);
    const answered: string[] = [];
    const orderIds = Array.from({ length: 200 }, newOrderId);
    await Promise.allSettled(
      orderIds.map(async (orderId, i) => {
        await stripeAt(first.url).paymentIntents.create({ ...payment(orderId), capture_method: 'automatic' });
        answered.push(orderId);
        if (i === 100) first.child.kill('SIGKILL');
      }),
    );
    await first.ended;
    const second = await listening(env);

    const { data } = (await (await fetch(`${second.url}/sandbox/ledger`)).json()) as {
      data: { orderId: string; captured: number }[];
    };
    const capturedIds = new Set(data.filter((row) => row.captured === 1999).map((row) => row.orderId));
    expect(answered.length).toBeGreaterThan(0);
    expect(answered.filter((orderId) => !capturedIds.has(orderId))).toEqual([]);
  });
});

describe('node dist/sandbox.js after kill -9', () => {
  it('executes what was begun or is due, keeps its counts, and sends the missing webhooks', async () => {
    const receiver = await Receiver.start();
    const env = { HOLDFAST_DATA_DIR: join(workspace, 'begun'), SANDBOX_WEBHOOK_URL: receiver.url };
    const [lateId, failedId, pendingId, processingId] = Array.from({ length: 4 }, newOrderId) as [
      string,
      string,
      string,
      string,
    ];
    const first = await listening(env);
    const ask = (url: string, orderId: string, paymentMethod: string, timeout = 20_000) =>
      stripeAt(url, { timeout }).paymentIntents.create(payment(orderId, paymentMethod), {
        idempotencyKey: orderId,
      });

    receiver.isHolding = true;
    await ask(first.url, pendingId, 'pm_card_visa');
    await errorOf(ask(first.url, failedId, 'pm_sandbox_error_then_ok_1'));
    const { id: processing } = await ask(first.url, processingId, 'pm_sandbox_processing_2000');
    const late = errorOf(ask(first.url, lateId, 'pm_sandbox_late_commit_2000'));
    await received(first.url, lateId);
    first.child.kill('SIGKILL');
    await Promise.all([first.ended, late]);
    receiver.isHolding = false;
    receiver.delivered.length = 0;

    const second = await listening(env);
    await ask(second.url, failedId, 'pm_sandbox_error_then_ok_1');
    await eventually(() => {
      const orderIds = receiver.delivered.map(
        ({ event }) => (event.data.object as Stripe.PaymentIntent).metadata.orderId,
      );
      return [lateId, failedId, pendingId].every((orderId) => orderIds.includes(orderId));
    });
    await eventually(
      async () =>
        (await stripeAt(second.url).paymentIntents.retrieve(processing)).status === 'requires_capture',
    );
    await receiver.stop();
  });

  it('forgets keys after SANDBOX_KEY_WINDOW_SECONDS', async () => {
    const env = { HOLDFAST_DATA_DIR: join(workspace, 'window'), SANDBOX_KEY_WINDOW_SECONDS: '1' };
    const { url } = await listening(env);
    const orderId = newOrderId();
    const ask = () => stripeAt(url).paymentIntents.create(payment(orderId), { idempotencyKey: orderId });
    const { id } = await ask();
    await eventually(async () => (await ask()).id !== id);
  });
});

/** Waits until the sandbox has received a request for the order. */
async function received(url: string, orderId: string): Promise<void> {
  for (;;) {
    const { data } = (await (await fetch(`${url}/sandbox/ledger`)).json()) as { data: { orderId: string }[] };
    if (data.some((row) => row.orderId === orderId)) return;
  }
}
