// A PostgreSQL with the extension Citus, for the drill `citus`. No part of this project installs it.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Where Debian's packages, and the Citus packages for them, put a server. */
const packaged = '/usr/lib/postgresql';

/**
 * `{ initdb, postgres }` of a server that has Citus. `plain`: the drill plays its steps on a server without Citus, to try
 * the drill itself. Undefined: there is none.
 */
export function findCitus() {
  const wanted = process.env.HOLDFAST_TEST_CITUS_BIN;
  if (wanted === 'plain') return 'plain';
  const folders = wanted ? [wanted] : versions().map((version) => path.join(packaged, version, 'bin'));
  const bin = folders.find((folder) => existsSync(path.join(folder, '..', 'lib', 'citus.so')));
  return bin && { initdb: path.join(bin, 'initdb'), postgres: path.join(bin, 'postgres') };
}

/** Newest first. */
const versions = () =>
  existsSync(packaged) ? readdirSync(packaged).sort((one, other) => Number(other) - Number(one)) : [];
