import { randomBytes } from 'node:crypto';
import { ConfigError, loadConfig } from '../config';
import { type Database, clockOf, openDatabase } from '../database/database';
import { digest } from '../http/api-keys';
import { newId } from '../ids';

const usage = `Usage:
  npm run api-key -- create <name> <client|viewer|admin>   prints the new key, once
  npm run api-key -- rotate <name>                         prints its new key; the old one ends with it
  npm run api-key -- list
  npm run api-key -- revoke <name>                         a revoked key works for at most 10 s more`;

/** `npm run api-key`: keys beside the three of the settings, one per shop. Only a key's SHA-256 is stored. */
async function main([verb, name, role]: string[]): Promise<void> {
  const known =
    verb === 'list' ||
    (verb === 'revoke' && name) ||
    (verb === 'create' && name && /^(client|viewer|admin)$/.test(role ?? ''));
  if (!known || (name && !/^(?!bootstrap-)[\w.-]{1,64}$/.test(name))) return fail(usage);
  try {
    const { db, close } = await openDatabase(loadConfig(process.env, 'command'), 'holdfast-api-key');
    await run(db, verb, name!, role!).finally(close);
  } catch (error) {
    fail(error instanceof ConfigError ? error.message : `It could not be done: ${(error as Error).message}`);
  }
}

async function run(db: Database, verb: string, name: string, role: string): Promise<void> {
  if (verb === 'create') return create(db, name, role);
  if (verb === 'revoke') return revoke(db, name);
  if (verb === 'rotate') return rotate(db, name);
  const keys = await db.rows<{ name: string; role: string; state: string }>(
    `SELECT name, role, CASE WHEN revoked_at IS NULL THEN 'valid' ELSE 'revoked' END AS state FROM api_keys ORDER BY name`,
  );
  for (const key of keys) console.log(`${key.name.padEnd(24)} ${key.role.padEnd(8)} ${key.state}`);
  if (keys.length === 0) console.log('There are no keys but those of the settings.');
}

async function create(db: Database, name: string, role: string): Promise<void> {
  const key = newKey(role);
  const made = await db.rows(
    `
    INSERT INTO api_keys (id, name, role, key_sha256) VALUES ($1::uuid, $2::text, $3::text, decode($4::text, 'hex'))
        ON CONFLICT DO NOTHING
    RETURNING id
    `,
    [newId(), name, role, digest(key)],
  );
  if (made.length === 0) return fail(`There is, or was, a key named ${name}. Choose another name.`);
  console.log(key);
}

/** The name is the owner of orders and reservations, so a shop keeps it while its key changes. */
async function rotate(db: Database, name: string): Promise<void> {
  const [found] = await db.rows<{ role: string }>(`SELECT role FROM api_keys WHERE name = $1::text`, [name]);
  const key = newKey(found?.role ?? 'client');
  const rotated = await db.rows(
    `UPDATE api_keys SET key_sha256 = decode($2::text, 'hex') WHERE name = $1::text AND revoked_at IS NULL RETURNING id`,
    [name, digest(key)],
  );
  if (rotated.length === 0) return fail(`There is no valid key named ${name}. See: npm run api-key -- list`);
  console.log(key);
}

const newKey = (role: string) => `hf_${role}_${randomBytes(24).toString('base64url')}`;

async function revoke(db: Database, name: string): Promise<void> {
  const revoked = await db.rows(
    `UPDATE api_keys SET revoked_at = $2::timestamptz WHERE name = $1::text AND revoked_at IS NULL RETURNING id`,
    [name, await clockOf(db)],
  );
  if (revoked.length === 0) return fail(`There is no valid key named ${name}. See: npm run api-key -- list`);
  console.log(`${name} is revoked.`);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}

void main(process.argv.slice(2));
