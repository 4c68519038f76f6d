import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { publicId } from '../../src/ids';
import { StripeGateway } from '../../src/payment/gateways/stripe.gateway';
import { TestSandbox, secretKey } from '../sandbox/harness';
import { runCommand } from '../support/command';
import { type World, createWorld, expectInvariants } from '../support/fixtures';

/** The sandbox as Stripe looks: without its ledger. */
async function withoutLedger(url: string): Promise<{ url: string; server: Server }> {
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url!.startsWith('/sandbox/')) return response.writeHead(404).end('{}');
    const { authorization = '' } = request.headers;
    const answer = await fetch(url + request.url, { headers: { authorization } });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  };
  const server = createServer((request, response) => void pass(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

let sandbox: TestSandbox;
let stripe: { url: string; server: Server };
let world: World;
beforeAll(async () => {
  sandbox = await TestSandbox.start();
  stripe = await withoutLedger(sandbox.url);
  world = await createWorld();
});
afterEach(() => expectInvariants(world));
afterAll(async () => {
  stripe.server.close();
  await sandbox.stop();
  await world.close();
});

const env = () => ({
  DATABASE_URL: world.config.databaseUrl,
  STRIPE_API_URL: stripe.url,
  STRIPE_SECRET_KEY: secretKey,
});
const reconcile = (...args: string[]) => runCommand('dist/reconciliation/reconcile-command.js', args, env());
const audit = (...args: string[]) => runCommand('dist/audit/audit-command.js', args, env());
const yesterday = () => new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);

async function placed(): Promise<{ orderId: string; intent: string }> {
  const orderId = await world.order();
  const gateway = new StripeGateway({
    stripeApiUrl: sandbox.url,
    stripeSecretKey: secretKey,
    paymentTimeoutMs: 20_000,
  });
  await world.runner({ gateway }).drive(orderId);
  const { intent } = await world.row<{ intent: string }>(
    `SELECT provider_reference AS intent FROM payment_operations WHERE order_id = $1 AND kind = 'capture'`,
    [orderId],
  );
  return { orderId, intent };
}
const inDashboard = (path: string, body: object) =>
  fetch(`${sandbox.url}/sandbox/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('npm run audit against a provider without a ledger', () => {
  it('P29: compares every order with the provider’s records, says for which period, and records nothing', async () => {
    const { orderId, intent } = await placed();
    await placed();
    const holds = await audit();
    expect(holds.stdout).toMatch(
      /holds {2}the provider's records agree with every order \(2 payments from .*Z to .*Z; 0 of others/,
    );
    expect(holds.stdout).not.toContain('was not compared');
    expect(holds.code).toBe(0);

    await inDashboard('refunds', { payment_intent: intent, amount: 400 });
    const broken = await audit('--from', yesterday());
    expect(broken.stdout).toMatch(/^BROKEN the provider's records agree/m);
    expect(broken.stdout).toContain(
      `${publicId('ord', orderId)} refunded_outside: here no refund, at the provider refund succeeded`,
    );
    expect(broken.code).toBe(1);
    expect(await world.rows(`SELECT FROM payment_facts`)).toEqual([]);
  });

  it('refuses a date that does not exist', async () => {
    const { code, stderr } = await audit('--from', '2026-02-30');
    expect({ code, stderr: stderr.trim() }).toEqual({
      code: 2,
      stderr:
        '--from is "2026-02-30", which is no day and no instant with a zone. Example: --from=2026-11-20',
    });
  });
});

describe('npm run reconcile', () => {
  it('P29: prints what it found, with its case, and finds it once', async () => {
    const { orderId, intent } = await placed();
    await inDashboard('disputes', { payment_intent: intent });
    const found = await reconcile('--from', yesterday());
    expect(found.stdout).toMatch(
      new RegExp(`^dispute_opened +${publicId('ord', orderId)} .*at risk: 1000 EUR .*fct_\\w{26}$`, 'm'),
    );
    expect(found.stdout).toMatch(
      /^rec_\w{26}: 3 payments compared from .* 2 differences, 0 payments of others/m,
    );
    expect(found.code).toBe(1);

    const again = await reconcile('--from', yesterday());
    expect(again.stdout).toMatch(/3 payments compared .* 0 differences/);
    expect(again.code).toBe(0);
    expect((await audit()).stdout).toMatch(/^holds {2}the provider's records agree/m);
  });

  it('says that another one is running', async () => {
    await world.rows(
      `INSERT INTO reconciliations (id, status, actor, from_at, to_at, lease_expires_at)
       VALUES (gen_random_uuid(), 'running', 'anna', now() - interval '1 day', now(), now() + interval '1 minute')`,
    );
    const { code, stderr } = await reconcile('--from', yesterday());
    await world.rows(`DELETE FROM reconciliations WHERE status = 'running'`);
    expect(code).toBe(2);
    expect(stderr).toMatch(/Another reconciliation is running/);
  });

  it.each([
    ['no period', [], /--from is missing/],
    ['a day that does not exist', ['--from', '2026-13-01'], /--from is "2026-13-01"/],
    ['an instant without a zone', ['--from', '2026-11-20T10:00:00'], /--from is "2026-11-20T10:00:00"/],
    [
      'a period that ends before it begins',
      ['--from', '2026-11-20', '--to', '2026-11-19'],
      /must be before to/,
    ],
    ['a period that has not begun', ['--from', '2098-01-01'], /must be before to/],
  ])('refuses %s', async (_, args, reason) => {
    const { code, stdout, stderr } = await reconcile(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(reason);
  });
});
