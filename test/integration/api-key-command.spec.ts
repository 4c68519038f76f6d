import type { Database } from '../../src/database/database';
import { openDatabase } from '../../src/database/database';
import { loadConfig } from '../../src/config/config';
import { digest } from '../../src/auth/api-keys';
import { type CommandResult, runCommand } from '../support/command';
import { type TestDatabase, createTestDatabase } from '../support/database';

let database: TestDatabase;
let db: Database;
let close: () => Promise<void>;

beforeAll(async () => {
  database = await createTestDatabase();
  ({ db, close } = await openDatabase(loadConfig({ DATABASE_URL: database.url }), 'holdfast-test'));
});
afterAll(async () => {
  await close();
  await database.drop();
});

const apiKey = (...args: string[]): Promise<CommandResult> =>
  runCommand('dist/auth/api-key-command.js', args, { DATABASE_URL: database.url });

async function create(name: string, role = 'client'): Promise<string> {
  const { code, stdout, stderr } = await apiKey('create', name, role);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout.trim();
}

/** The principal of a key, as the API looks it up. */
async function ownerOf(key: string): Promise<string | undefined> {
  const [row] = await db.rows<{ name: string }>(
    `SELECT name FROM api_keys WHERE key_sha256 = decode($1::text, 'hex') AND revoked_at IS NULL`,
    [digest(key)],
  );
  return row?.name;
}

describe('npm run api-key', () => {
  it('create prints a key that works, alone on stdout', async () => {
    const { code, stdout, stderr } = await apiKey('create', 'shop-1', 'client');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^hf_main_[\w-]{32}\n$/);
    expect(await ownerOf(stdout.trim())).toBe('shop-1');
    expect(stderr).toMatch(/not shown again/);
  });

  it('rotate prints a new key of the same name and role, and ends the old one', async () => {
    const bystander = await create('shop-beside');
    const old = await create('shop-2', 'viewer');
    const { code, stdout, stderr } = await apiKey('rotate', 'shop-2');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^hf_main_[\w-]{32}\n$/);
    expect(await ownerOf(stdout.trim())).toBe('shop-2');
    expect(await ownerOf(old)).toBeUndefined();
    expect(await ownerOf(bystander)).toBe('shop-beside');
    expect(stderr).toMatch(/old key .* at most 10 s/);
  });

  it('revoke ends a key and list shows it as revoked', async () => {
    const key = await create('shop-3');
    expect(await apiKey('revoke', 'shop-3')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('shop-3'),
    });
    expect(await ownerOf(key)).toBeUndefined();
    expect((await apiKey('list')).stdout).toMatch(/^shop-3 +client +revoked$/m);
  });

  it('charges the orders of a key at a connected account, from its creation or later, until it is taken away', async () => {
    const accountOf = async () =>
      (
        await db.rows<{ account: string | null }>(
          `SELECT stripe_account AS account FROM api_keys WHERE name = 'shop-berlin'`,
        )
      )[0]!.account;
    expect(await apiKey('create', 'shop-berlin', 'client', 'acct_berlin')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^hf_main_/),
      stderr: expect.stringMatching(/charges at acct_berlin/),
    });
    expect(await accountOf()).toBe('acct_berlin');
    expect((await apiKey('list')).stdout).toMatch(/^shop-berlin +client +valid +acct_berlin$/m);

    await apiKey('rotate', 'shop-berlin');
    expect(await accountOf()).toBe('acct_berlin');

    expect(await apiKey('account', 'shop-berlin', 'acct_paris')).toMatchObject({ code: 0 });
    expect(await accountOf()).toBe('acct_paris');
    expect(await apiKey('account', 'shop-berlin', 'none')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/our own account.*stay where they were charged/),
    });
    expect(await accountOf()).toBeNull();
  });

  it.each(['rotate', 'revoke'])('%s of an unknown name says so and how to see the names', async (verb) => {
    expect(await apiKey(verb, 'shop-nobody')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/no key named shop-nobody.*npm run api-key -- list/),
    });
  });

  it.each(['rotate', 'revoke'])('%s of a revoked key says that it was revoked', async (verb) => {
    const name = `shop-gone-${verb}`;
    await create(name);
    await apiKey('revoke', name);
    expect(await apiKey(verb, name)).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`${name} was revoked`)),
    });
  });

  it('create refuses a name that is taken', async () => {
    await create('shop-4');
    expect(await apiKey('create', 'shop-4', 'client')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/shop-4.*another name.*rotate shop-4/),
    });
  });

  it('create refuses a name whose key was revoked, and does not suggest rotate, which would be refused too', async () => {
    await create('shop-6');
    await apiKey('revoke', 'shop-6');
    const { code, stdout, stderr } = await apiKey('create', 'shop-6', 'client');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/shop-6 was revoked.*another name/);
    expect(stderr).not.toContain('rotate');
  });

  it('says that the database is read-only, without a word about requests', async () => {
    const DATABASE_URL = new URL(database.url);
    // In addition to the schema that the URL may name.
    const options = DATABASE_URL.searchParams.get('options') ?? '';
    DATABASE_URL.searchParams.set('options', `${options} -c default_transaction_read_only=on`.trim());
    const { code, stderr } = await runCommand(
      'dist/auth/api-key-command.js',
      ['create', 'shop-7', 'client'],
      {
        DATABASE_URL: DATABASE_URL.href,
      },
    );
    expect({ code, stderr: stderr.trim() }).toEqual({
      code: 1,
      stderr: 'The key command failed: The database is read-only. Nothing was stored.',
    });
  });

  it.each([
    ['nothing', [], /no command/i],
    ['an unknown command', ['destroy', 'x'], /"destroy"/],
    ['a command named like a method', ['constructor'], /no command "constructor"/],
    ['rotate without a name', ['rotate'], /rotate needs a name/],
    ['revoke without a name', ['revoke'], /revoke needs a name/],
    ['create without a role', ['create', 'shop-5'], /create needs a role: client, viewer or admin/],
    ['create with an unknown role', ['create', 'shop-5', 'root'], /"root"/],
    ['account without an account', ['account', 'shop-5'], /needs an account/],
    ['an account that is none', ['account', 'shop-5', 'berlin'], /"berlin" is not an account/],
    ['create with an account of none', ['create', 'shop-5', 'client', 'none'], /"none" is not an account/],
    [
      'an account for a key of the settings',
      ['account', 'bootstrap-client', 'acct_1'],
      /our own account.*create <name> client/,
    ],
    ['a name with a space', ['create', 'shop 5', 'client'], /"shop 5"/],
    ['a name used in the settings', ['rotate', 'bootstrap-client'], /HOLDFAST_CLIENT_KEY/],
    ['too many arguments', ['rotate', 'shop-5', 'client'], /"client" is one argument too many/],
    ['list with a name', ['list', 'shop-5'], /"shop-5" is one argument too many/],
  ])('refuses %s: says what is wrong, then the usage', async (_what, args, reason) => {
    const { code, stdout, stderr } = await apiKey(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.split('\n')[0]).toMatch(reason);
    expect(stderr).toContain('Usage:');
  });

  it.each(['help', '--help'])('prints the usage on %s', async (argument) => {
    expect(await apiKey(argument)).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage:') });
  });
});
