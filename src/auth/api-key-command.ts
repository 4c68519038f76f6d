import { randomBytes } from 'node:crypto';
import type { Cell } from '../config/cell';
import { loadConfig } from '../config/config';
import { type Database, clockOf, openDatabase } from '../database/database';
import { explainFailure } from '../database/start-errors';
import { cacheMs, digest } from './api-keys';
import { ApiKeyEntity } from './auth.entity';
import { newId } from '../ids';

const usage = `Usage:
  npm run api-key -- create <name> <client|viewer|admin> [acct_…]   prints the new key, once
  npm run api-key -- rotate <name>         prints a new key of that name and ends the old one
  npm run api-key -- account <name> <acct_…|none>   charges its orders at this connected account of Stripe from now on
  npm run api-key -- list
  npm run api-key -- revoke <name>         ends the key; its name stays taken`;

const oldKeyEnds = `works for at most ${cacheMs / 1_000} s more`;

/** A connected account. */
const accountPattern = /^acct_\w{1,64}$/;

const argumentsOf = new Map<string, readonly string[]>([
  ['create', ['name', 'role', 'account']],
  ['account', ['name', 'account']],
  ['rotate', ['name']],
  ['revoke', ['name']],
  ['list', []],
]);

/**
 * `npm run api-key`: keys in addition to the three of the settings, one per shop. Only a key's SHA-256 is stored. Only the
 * new key goes to stdout, so that a script can keep it: KEY=$(npm run --silent api-key -- create shop client)
 */
async function main(args: string[]): Promise<void> {
  if (/^(help|--help|-h)$/.test(args[0] ?? '')) return console.log(usage);
  const wrong = problemWith(args);
  if (wrong) return fail(`${wrong}\n\n${usage}`, 2);
  const [verb, name, ...rest] = args;
  try {
    const config = loadConfig(process.env, 'command');
    const { db, close } = await openDatabase(config, 'holdfast-api-key');
    try {
      await run({ db, cell: config.cell }, verb!, name!, rest);
    } finally {
      await close();
    }
  } catch (error) {
    fail(explainFailure('The key command failed', error));
  }
}

function problemWith([verb, ...rest]: string[]): string | undefined {
  if (verb === undefined) return 'There is no command.';
  const names = argumentsOf.get(verb);
  if (!names) return `There is no command "${verb}".`;
  const [name] = rest;
  const role = verb === 'create' ? rest[1] : undefined;
  const account = rest[names.indexOf('account')];
  if (names.includes('name') && !name) return `${verb} needs a name, e.g. shop-berlin.`;
  if (names.includes('role') && !role) return `${verb} needs a role: client, viewer or admin.`;
  if (rest.length > names.length) return `"${rest[names.length]}" is one argument too many for ${verb}.`;
  if (role && !/^(client|viewer|admin)$/.test(role))
    return `"${role}" is not a role. Roles are client, viewer and admin.`;
  if (verb === 'account' && !account) return 'account needs an account: acct_…, or none for our own.';
  if (account && !accountPattern.test(account) && !(verb === 'account' && account === 'none'))
    return `"${account}" is not an account of Stripe: they begin with acct_. Stripe's dashboard lists connected accounts.`;
  const [, bootstrapRole] = /^bootstrap-(\w+)$/.exec(name ?? '') ?? [];
  if (bootstrapRole)
    return verb === 'account'
      ? `${name} is a key of the settings, which charges at our own account. Create a key for the shop: npm run api-key -- create <name> client acct_…`
      : `${name} is a key of the settings. Change HOLDFAST_${bootstrapRole.toUpperCase()}_KEY and restart instead.`;
  if (name && !/^(?!bootstrap-)[\w.-]{1,64}$/.test(name))
    return `"${name}" cannot be a name: use 1 to 64 letters, digits, dots, dashes and underscores, not beginning with "bootstrap-".`;
  return undefined;
}

interface Place {
  db: Database;
  cell: Cell;
}

async function run(place: Place, verb: string, name: string, rest: string[]): Promise<void> {
  const { db } = place;
  if (verb === 'create') return create(place, name, rest[0]!, rest[1]);
  if (verb === 'account') return setAccount(db, name, rest[0]!);
  if (verb === 'revoke') return revoke(db, name);
  if (verb === 'rotate') return rotate(place, name);
  const keys = await db.entities((manager) => manager.find(ApiKeyEntity, { order: { name: 'ASC' } }));
  for (const { name: known, role, revokedAt, stripeAccount } of keys)
    console.log(
      `${known.padEnd(24)} ${role.padEnd(8)} ${(revokedAt ? 'revoked' : 'valid').padEnd(8)} ${stripeAccount ?? ''}`.trimEnd(),
    );
  if (keys.length === 0) console.log('There are no keys besides those of the settings.');
}

async function create({ db, cell }: Place, name: string, role: string, account?: string): Promise<void> {
  const key = newKey(cell);
  const made = await db.rows(
    `
    INSERT INTO api_keys (id, name, role, key_sha256, stripe_account)
    VALUES ($1::uuid, $2::text, $3::text, decode($4::text, 'hex'), $5::text)
        ON CONFLICT DO NOTHING
    RETURNING id
    `,
    [newId(), name, role, digest(key), account ?? null],
  );
  if (made.length === 0) {
    const taken = await findKey(db, name);
    return fail(
      taken && !taken.revokedAt
        ? `There is a key named ${name}. Choose another name; for a new key of that name: npm run api-key -- rotate ${name}`
        : noValidKey(name, true),
    );
  }
  console.log(key);
  console.error(
    `This is the ${role} key of ${name}${account ? `, which charges at ${account}` : ''}. Store it now, it is not shown again.`,
  );
}

/** Orders placed before keep the account that they were placed with. */
async function setAccount(db: Database, name: string, account: string): Promise<void> {
  const changed = await db.rows(
    `UPDATE api_keys SET stripe_account = $2::text WHERE name = $1::text AND revoked_at IS NULL RETURNING id`,
    [name, account === 'none' ? null : account],
  );
  if (changed.length === 0) return fail(noValidKey(name, (await findKey(db, name)) !== null));
  const where = account === 'none' ? 'our own account' : account;
  console.log(
    `New orders of ${name} are charged at ${where}, within ${cacheMs / 1_000} s. Its orders of before stay where they were charged.`,
  );
}

/** The name owns orders and reservations, so a shop keeps it when its key changes. */
async function rotate({ db, cell }: Place, name: string): Promise<void> {
  const found = await findKey(db, name);
  const key = newKey(cell);
  const rotated = await db.rows(
    `UPDATE api_keys SET key_sha256 = decode($2::text, 'hex') WHERE name = $1::text AND revoked_at IS NULL RETURNING id`,
    [name, digest(key)],
  );
  if (rotated.length === 0) return fail(noValidKey(name, Boolean(found)));
  console.log(key);
  console.error(
    `This is the new ${found!.role} key of ${name}. Store it now, it is not shown again. The old key ${oldKeyEnds}.`,
  );
}

const newKey = ({ name }: Cell) => `hf_${name}_${randomBytes(24).toString('base64url')}`;

async function revoke(db: Database, name: string): Promise<void> {
  const revoked = await db.rows(
    `UPDATE api_keys SET revoked_at = $2::timestamptz WHERE name = $1::text AND revoked_at IS NULL RETURNING id`,
    [name, await clockOf(db)],
  );
  if (revoked.length === 0) {
    return fail(noValidKey(name, (await findKey(db, name)) !== null));
  }
  console.log(`${name} is revoked. Its key ${oldKeyEnds}.`);
}

const findKey = (db: Database, name: string) =>
  db.entities((manager) => manager.findOneBy(ApiKeyEntity, { name }));

const noValidKey = (name: string, wasRevoked: boolean) =>
  wasRevoked
    ? `${name} was revoked, and a revoked name cannot be used again. Create a key with another name.`
    : `There is no key named ${name}. See: npm run api-key -- list`;

function fail(message: string, exitCode = 1): void {
  console.error(message);
  process.exitCode = exitCode;
}

void main(process.argv.slice(2));
