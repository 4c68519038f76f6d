import { accessSync, chmodSync, chownSync, constants, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Child } from './child';
import type { Guardian } from './guardian';
import { freePort } from './ports';

const runsAsRoot = process.getuid?.() === 0;
/** PgBouncer refuses to run as root. Nobody is on every system. */
const nobody = { uid: 65_534, gid: 65_534 };

/** Debian's package has it in a folder for administrators. */
const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'];

const pgbouncer = folders.map((folder) => path.join(folder, 'pgbouncer')).find(isExecutable);

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export const pgbouncerIsAvailable = pgbouncer !== undefined;

/** A PgBouncer in transaction mode before a database, not yet running. */
export async function pgbouncerBefore(
  databaseUrl: string,
  guardian: Guardian,
): Promise<{ child: Child; url: string; reconnectUrl: string }> {
  const target = new URL(databaseUrl);
  const port = await freePort();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-pgbouncer-'));
  guardian.removeDir(dir);
  const [config, users] = [path.join(dir, 'pgbouncer.ini'), path.join(dir, 'users.txt')];
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: users,
    admin_users: target.username,
    pool_mode: 'transaction',
    default_pool_size: 20,
    max_client_conn: 500,
    ignore_startup_parameters:
      'extra_float_digits,options,lock_timeout,statement_timeout,idle_in_transaction_session_timeout',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const databases = `* = host=${target.hostname} port=${target.port}`;
  writeFileSync(config, ['[databases]', databases, '[pgbouncer]', ...lines, ''].join('\n'));
  writeFileSync(users, `"${target.username}" ""\n`);
  if (runsAsRoot) {
    chmodSync(dir, 0o711);
    for (const file of [config, users]) chownSync(file, nobody.uid, nobody.gid);
  }
  const child = new Child(
    {
      name: 'pgbouncer',
      command: pgbouncer!,
      args: [config],
      env: { PATH: process.env.PATH },
      readyWhen: /process up/,
      cwd: '/',
      ...(runsAsRoot && { user: nobody }),
    },
    guardian,
  );
  const at = (database: string) => `postgres://${target.username}@127.0.0.1:${port}/${database}`;
  return { child, url: at(target.pathname.slice(1)), reconnectUrl: at('pgbouncer') };
}
