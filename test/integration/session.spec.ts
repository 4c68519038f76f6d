import { createHash, randomUUID } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Database } from '../../src/database/database';
import { openApis } from '../support/api';
import { Browser, ours } from '../support/browser';
import { until } from '../support/until';

let one: NestFastifyApplication;
let other: NestFastifyApplication;
let shortLived: NestFastifyApplication;
const opened: { close: () => Promise<void> }[] = [];

beforeAll(async () => {
  const pair = await openApis(2);
  [one, other] = pair.apis as [NestFastifyApplication, NestFastifyApplication];
  const hasty = await openApis(1, { SESSION_SECONDS: '1' });
  [shortLived] = hasty.apis as [NestFastifyApplication];
  opened.push(pair, hasty);
});
afterAll(async () => {
  for (const { close } of opened) await close();
});

let nextAddress = 1;
/** A new client at a new address. */
const browser = () => new Browser(`192.0.2.${nextAddress++}`);

async function signedIn(key: string, at = one): Promise<Browser> {
  const somebody = browser();
  expect((await somebody.signIn(at, key)).statusCode).toBe(201);
  return somebody;
}

type Key = Awaited<ReturnType<typeof newKey>>;

/** Does it after a number of database round trips, so that it meets each statement of a concurrent request. */
async function after(statements: number, act: () => Promise<unknown>): Promise<unknown> {
  for (let nth = 0; nth < statements; nth++) await one.get(Database).rows('SELECT 1');
  return act();
}

async function newKey(role: 'viewer' | 'admin') {
  const key = `hf_test_${randomUUID()}`;
  const db = one.get(Database);
  const sha256 = createHash('sha256').update(key).digest();
  await db.rows(`INSERT INTO api_keys (id, name, role, key_sha256) VALUES ($1, $2, $3, $4)`, [
    randomUUID(),
    `of ${key}`,
    role,
    sha256,
  ]);
  const revoke = () => db.rows(`UPDATE api_keys SET revoked_at = created_at WHERE key_sha256 = $1`, [sha256]);
  const restore = () => db.rows(`UPDATE api_keys SET revoked_at = NULL WHERE key_sha256 = $1`, [sha256]);
  return { key, revoke, restore };
}

const product = { name: 'Tee', unitPrice: { amount: 1999, currency: 'EUR' }, onHand: 1 };
const putProduct = (by: Browser, headers: Record<string, string>) =>
  by.send(one, 'PUT', `/v1/admin/products/SKU-${randomUUID().slice(0, 8)}`, { body: product, headers });

describe('a session', () => {
  it('starts with a key and uses a cookie with HttpOnly and SameSite=Strict', async () => {
    const answer = await browser().signIn(one, 'hf_dev_admin');

    expect(answer.statusCode).toBe(201);
    expect(answer.headers['set-cookie']).toMatch(
      /^holdfast_session=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    expect(answer.json()).toMatchObject({
      object: 'session',
      role: 'admin',
      keyName: 'bootstrap-admin',
      environment: 'development',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      expiresInSeconds: expect.closeTo(28_800, -1),
    });
    expect(answer.body).not.toContain('hf_dev_admin');
  });

  it('can read the same as its key, at every API process', async () => {
    const viewer = await signedIn('hf_dev_viewer');

    expect(await viewer.reads(one)).toBe(200);
    expect(await viewer.reads(other)).toBe(200);
    expect((await viewer.send(other, 'GET', '/v1/admin/session')).json()).toMatchObject({ role: 'viewer' });
  });

  it('of a viewer cannot change anything', async () => {
    const viewer = await signedIn('hf_dev_viewer');

    expect((await putProduct(viewer, ours)).json()).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('can make changes only from a script of the dashboard', async () => {
    const admin = await signedIn('hf_dev_admin');
    const refused: Record<string, string>[] = [
      {},
      { 'x-holdfast': '1' },
      { origin: ours.origin },
      { ...ours, origin: 'http://elsewhere.test' },
      { ...ours, origin: 'null' },
      { ...ours, 'x-holdfast': '2' },
    ];

    for (const headers of refused)
      expect((await putProduct(admin, headers)).json()).toMatchObject({ code: 'cross_site_request' });
    expect((await putProduct(admin, ours)).statusCode).toBe(201);
  });

  it('does not start from a page of another site', async () => {
    const headers = { ...ours, origin: 'http://elsewhere.test' };
    const answer = await browser().send(one, 'POST', '/v1/admin/session', {
      body: { key: 'hf_dev_admin' },
      headers,
    });

    expect(answer.json()).toMatchObject({ code: 'cross_site_request' });
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('ends at every process when its user signs out', async () => {
    const admin = await signedIn('hf_dev_admin');
    const kept = new Browser();
    kept.cookie = admin.cookie;

    const answer = await admin.send(other, 'DELETE', '/v1/admin/session');

    expect(answer.statusCode).toBe(204);
    expect(answer.headers['set-cookie']).toMatch(/^holdfast_session=; Max-Age=0;/);
    expect(await kept.reads(one)).toBe(401);
    expect(await kept.reads(other)).toBe(401);
  });

  it('ends at every process when its key is revoked', async () => {
    const { key, revoke } = await newKey('admin');
    const admin = await signedIn(key);
    expect(await admin.reads(other)).toBe(200);

    await revoke();

    expect(await admin.reads(one)).toBe(401);
    expect(await admin.reads(other)).toBe(401);
  });

  it('expires, and lasts longer when renewed', async () => {
    const [renewing, leaving] = [
      await signedIn('hf_dev_admin', shortLived),
      await signedIn('hf_dev_admin', shortLived),
    ];

    await until('the remaining one has ended', async () => {
      const renewed = await renewing.send(shortLived, 'POST', '/v1/admin/session', { body: {} });
      expect(renewed.statusCode).toBe(201);
      return (await leaving.reads(shortLived)) === 401;
    });
    expect(await renewing.reads(shortLived)).toBe(200);
  });

  it.each([
    ['its user signs out', (browser: Browser) => browser.send(other, 'DELETE', '/v1/admin/session')],
    ['its key is revoked', (_: Browser, key: Key, round: number) => after(round % 10, key.revoke)],
  ])('is answered with 201 or 401, never 500, when renewed while %s', async (_, end) => {
    const key = await newKey('admin');
    const statuses = new Set<number>();
    for (let round = 0; round < 40; round++) {
      const { cookie } = await signedIn(key.key);
      const [leaver, ...renewers] = Array.from({ length: 6 }, () => Object.assign(browser(), { cookie }));
      const renewed = renewers.map((renewer) => renewer.send(one, 'POST', '/v1/admin/session', { body: {} }));
      const [, ...answers] = await Promise.all([end(leaver!, key, round), ...renewed]);
      for (const { statusCode } of answers) statuses.add(statusCode);
      expect(await leaver!.reads(one)).toBe(401);
      await key.restore();
    }
    expect([...statuses].filter((status) => status !== 201 && status !== 401)).toEqual([]);
  });

  it('is answered with 204 by each of many concurrent sign-outs', async () => {
    const { cookie } = await signedIn('hf_dev_admin');
    const leavers = Array.from({ length: 8 }, () => Object.assign(browser(), { cookie }));

    const answers = await Promise.all(
      leavers.map((leaver, nth) => leaver.send(nth % 2 ? one : other, 'DELETE', '/v1/admin/session')),
    );

    expect(answers.map(({ statusCode }) => statusCode)).toEqual(leavers.map(() => 204));
  });

  it('is answered with 201 or 401, never 500, when the key is revoked during the sign-in', async () => {
    const key = await newKey('viewer');
    const statuses = new Set<number>();
    for (let round = 0; round < 40; round++) {
      const signingIn = Array.from({ length: 6 }, () => browser().signIn(one, key.key));
      const [, ...answers] = await Promise.all([after(round % 10, key.revoke), ...signingIn]);
      for (const { statusCode } of answers) statuses.add(statusCode);
      await key.restore();
    }
    expect([...statuses].filter((status) => status !== 201 && status !== 401)).toEqual([]);
  });

  it('is never renewed beyond a week', async () => {
    const admin = await signedIn('hf_dev_admin');
    const db = one.get(Database);
    const weekAgo = `created_at = $1::timestamptz`;
    await db.rows(`UPDATE sessions SET ${weekAgo}`, [new Date(Date.now() - 7 * 86_400_000 + 60_000)]);

    const renewed = await admin.send(one, 'POST', '/v1/admin/session', { body: {} });

    expect(renewed.json().expiresInSeconds).toBeLessThanOrEqual(60);
  });

  it('needs a known cookie', async () => {
    const guessing = browser();
    for (const cookie of ['', 'x', 'a'.repeat(43), `${'a'.repeat(42)}'`]) {
      guessing.cookie = `holdfast_session=${cookie}`;
      expect(await guessing.reads(one)).toBe(401);
    }
  });

  it('does not replace a key sent in the same request', async () => {
    const admin = await signedIn('hf_dev_admin');
    const headers = { ...ours, authorization: 'Bearer nobodys' };

    expect((await admin.send(one, 'GET', '/v1/admin/products', { headers })).statusCode).toBe(401);
  });
});

describe('POST /v1/admin/session', () => {
  it('has different errors for an unknown key, a client key and no key', async () => {
    expect((await browser().signIn(one, 'hf_nobodys')).json()).toMatchObject({
      status: 401,
      code: 'unauthenticated',
      detail: 'That key is not known.',
    });
    expect((await browser().signIn(one, 'hf_dev_client')).json()).toMatchObject({
      status: 403,
      code: 'forbidden',
      detail: 'This is a client key. The dashboard needs a viewer or admin key.',
    });
    expect((await browser().send(one, 'POST', '/v1/admin/session', { body: {} })).json()).toMatchObject({
      status: 401,
      code: 'unauthenticated',
    });
  });

  it('answers 429 after five failures of an address, at every process and also with the right key', async () => {
    const guessing = browser();
    for (let tries = 0; tries < 5; tries++)
      expect((await guessing.signIn(tries % 2 ? one : other, `hf_live_guess_${tries}`)).statusCode).toBe(401);

    for (const at of [one, other]) {
      const answer = await guessing.signIn(at, 'hf_dev_admin');
      expect(answer.json()).toMatchObject({ status: 429, code: 'sign_in_limited', retryable: true });
      const seconds = Number(answer.headers['retry-after']);
      expect(seconds).toBeGreaterThan(30);
      expect(seconds).toBeLessThanOrEqual(60);
      expect(answer.json().retryAfterSeconds).toBe(seconds);
    }
    expect((await browser().signIn(one, 'hf_dev_admin')).statusCode).toBe(201);
  });

  it('resets its failures after a success and after a minute', async () => {
    const forgetful = browser();
    const fail = async (times: number) => {
      for (let tries = 0; tries < times; tries++)
        expect((await forgetful.signIn(one, 'hf_typo')).statusCode).toBe(401);
    };
    await fail(4);
    expect((await forgetful.signIn(one, 'hf_dev_admin')).statusCode).toBe(201);
    await fail(5);
    expect((await forgetful.signIn(one, 'hf_dev_admin')).statusCode).toBe(429);

    await one
      .get(Database)
      .rows(`UPDATE sign_in_failures SET since = $1::timestamptz`, [new Date(Date.now() - 61_000)]);

    expect((await forgetful.signIn(one, 'hf_dev_admin')).statusCode).toBe(201);
  });

  it('trusts X-Forwarded-For only of configured proxies', async () => {
    const { apis, close } = await openApis(1, { TRUSTED_PROXIES: '192.0.2.250' });
    const failing = async (at: NestFastifyApplication, proxy: string, client: string) => {
      const by = new Browser(proxy);
      const headers = { 'x-forwarded-for': client };
      return (await by.send(at, 'POST', '/v1/admin/session', { body: { key: 'hf_typo' }, headers }))
        .statusCode;
    };

    for (let client = 1; client <= 6; client++) {
      expect(await failing(apis[0]!, '192.0.2.250', `203.0.113.${client}`)).toBe(401);
      expect(await failing(apis[0]!, '192.0.2.251', `203.0.113.${client}`)).toBe(client <= 5 ? 401 : 429);
    }
    await close();
  });

  it('shows the development keys but no configured keys', async () => {
    const page = (await browser().send(one, 'GET', '/v1/admin/session')).json();
    expect(page).toMatchObject({
      status: 401,
      environment: 'development',
      developmentKeys: { admin: 'hf_dev_admin', viewer: 'hf_dev_viewer' },
    });

    const { apis, close } = await openApis(1, { HOLDFAST_ADMIN_KEY: 'hf_chosen' });
    expect((await browser().send(apis[0]!, 'GET', '/v1/admin/session')).json().developmentKeys).toBeNull();
    await close();
  });

  it('shows no keys in production and sets a Secure cookie', async () => {
    const keys = { admin: `hf_live_${randomUUID()}`, viewer: `hf_live_${randomUUID()}` };
    const { apis, close } = await openApis(1, {
      NODE_ENV: 'production',
      HOLDFAST_ADMIN_KEY: keys.admin,
      HOLDFAST_VIEWER_KEY: keys.viewer,
      HOLDFAST_CLIENT_KEY: `hf_live_${randomUUID()}`,
      HOLDFAST_SECRETS_KEY: Buffer.alloc(32, 1).toString('base64'),
      STRIPE_SECRET_KEY: 'sk_live_x',
      STRIPE_WEBHOOK_SECRET: 'whsec_x',
    });
    const somebody = browser();
    const page = await somebody.send(apis[0]!, 'GET', '/v1/admin/session');

    expect(page.json()).toMatchObject({ environment: 'production', developmentKeys: null });
    expect(page.body).not.toContain('hf_');
    expect((await somebody.signIn(apis[0]!, keys.viewer)).headers['set-cookie']).toMatch(/; Secure/);
    expect((await somebody.send(apis[0]!, 'GET', '/v1/admin/load-tests')).statusCode).toBe(404);
    await close();
  });
});
