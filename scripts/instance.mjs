// The processes and addresses of an instance: `npm start` writes them into the data folder, and commands for that
// instance read them.
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from './console.mjs';
import { writeAtomically } from './pid-file.mjs';
import { identify, isAlive } from './processes.mjs';

const fileOf = (dataDir) => path.join(dataDir, 'instance.json');

/** No secrets: a password in a URL is left out, and the command that needs it must be given the URL. */
export function writeInstance({ dataDir, settings, env }) {
  const facts = {
    ...identify(process.pid),
    startedAt: new Date().toISOString(),
    apiUrl: `http://127.0.0.1:${settings.port}`,
    cell: env.CELL || null,
    stripeApiUrl: env.STRIPE_API_URL,
    sandboxUrl: settings.stripeUrl === undefined ? env.STRIPE_API_URL : null,
    databaseUrl: withoutPassword(env.DATABASE_URL),
    databasePasswordLeftOut: hasPassword(env.DATABASE_URL),
    redisUrl: settings.redisUrl ? withoutPassword(settings.redisUrl) : null,
    redisPasswordLeftOut: settings.redisUrl ? hasPassword(settings.redisUrl) : false,
  };
  writeAtomically(fileOf(dataDir), `${JSON.stringify(facts, null, 2)}\n`);
}

export const removeInstance = (dataDir) => rmSync(fileOf(dataDir), { force: true });

/** The instance of this data folder; `isRunning` is false if it died and left the file behind. */
export function readInstance(dataDir) {
  try {
    const instance = JSON.parse(readFileSync(fileOf(dataDir), 'utf8'));
    return { ...instance, isRunning: isAlive(instance) };
  } catch {
    return undefined;
  }
}

/**
 * The settings of a command: from the environment, otherwise from the instance. `ledgerUnknown` says why no payment
 * sandbox is known for that database.
 */
export function commandEnv(env, dataDir) {
  const instance = readInstance(dataDir);
  const databaseUrl = env.DATABASE_URL || databaseOf(instance, dataDir);
  const found = { ...env, DATABASE_URL: databaseUrl };
  const isOfInstance = instance?.isRunning && sameDatabase(instance.databaseUrl, databaseUrl);
  if (isOfInstance) {
    found.STRIPE_API_URL ||= instance.stripeApiUrl;
    found.CELL ||= instance.cell ?? '';
    if (!instance.redisPasswordLeftOut) found.REDIS_URL ||= instance.redisUrl ?? '';
    return { env: found };
  }
  if (env.STRIPE_API_URL) return { env: found };
  if (env.SANDBOX_PORT) {
    found.STRIPE_API_URL = `http://127.0.0.1:${env.SANDBOX_PORT}`;
    return { env: found };
  }
  const runs = instance?.isRunning
    ? `the instance in ${dataDir} runs on another database (${instance.databaseUrl})`
    : `no instance runs from ${dataDir}`;
  return {
    env: found,
    ledgerUnknown: `${runs}, so the payment sandbox of DATABASE_URL is not known. Name it: STRIPE_API_URL=http://127.0.0.1:<port>, or set HOLDFAST_DATA_DIR to the instance's folder`,
  };
}

function databaseOf(instance, dataDir) {
  const remedy = `Run npm start there first, set HOLDFAST_DATA_DIR to another instance's folder, or set DATABASE_URL.`;
  if (!instance) throw new SetupError(`No instance runs from ${dataDir}. ${remedy}`);
  if (!instance.isRunning) {
    throw new SetupError(
      `The instance in ${dataDir} (pid ${instance.pid}, started ${instance.startedAt}) is not running any more: it was killed and left instance.json behind. ${remedy}`,
    );
  }
  if (!instance.databasePasswordLeftOut) return instance.databaseUrl;
  throw new SetupError(
    `The instance in ${dataDir} runs on ${instance.databaseUrl} with a password, which is not stored. Set DATABASE_URL to the URL that npm start was given.`,
  );
}

function sameDatabase(one, other) {
  const key = (url) => {
    const { hostname, port, pathname, search } = new URL(url);
    return [
      hostname.replace(/^(localhost|::1|\[::1\])$/, '127.0.0.1'),
      port || '5432',
      pathname,
      search,
    ].join();
  };
  return URL.canParse(one) && URL.canParse(other) && key(one) === key(other);
}

/** Of a URL with one host or, for Redis, with several. */
const credentials = /^([\w+]+:\/\/)([^/@:]*)(?::([^/@]*))?@/;

const hasPassword = (url) => (credentials.exec(url)?.[3] ?? '') !== '';

export const withoutPassword = (url) =>
  url.replace(credentials, (_, scheme, user) => (user === '' ? scheme : `${scheme}${user}@`));
