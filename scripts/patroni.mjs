// The programs for the drill `patroni`. No part of this project installs them; Debian has all of them.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Where Debian's packages put servers of PostgreSQL. */
const packaged = '/usr/lib/postgresql';

/** Debian's haproxy is in a folder for administrators. */
const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'];

const onPath = (name) => folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));

/**
 * `{ patroni, version, etcd, haproxy, bin }`: programs, the main version of Patroni, and the folder of PostgreSQL's; or
 * `{ missing }`, the names of what is not there.
 */
export function findPatroni() {
  const programs = {
    patroni: process.env.HOLDFAST_TEST_PATRONI || onPath('patroni'),
    etcd: onPath('etcd'),
    haproxy: onPath('haproxy'),
    bin: newestServer(),
  };
  const missing = Object.keys(programs).filter((name) => programs[name] === undefined);
  if (missing.length > 0)
    return { missing: missing.map((name) => (name === 'bin' ? 'PostgreSQL with pg_basebackup' : name)) };
  const said = execFileSync(programs.patroni, ['--version'], { encoding: 'utf8' });
  return { ...programs, version: Number(/\d+/.exec(said)?.[0]) };
}

function newestServer() {
  const versions = existsSync(packaged) ? readdirSync(packaged) : [];
  return versions
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => path.join(packaged, version, 'bin'))
    .find((bin) => existsSync(path.join(bin, 'postgres')) && existsSync(path.join(bin, 'pg_basebackup')));
}
