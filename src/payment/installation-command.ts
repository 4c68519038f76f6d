import { UsageError, parseArguments } from '../config/arguments';
import { loadConfig } from '../config/config';
import { type Database, clockOf, openDatabase } from '../database/database';
import { explainFailure } from '../database/start-errors';
import { cellOf, newId, publicId } from '../ids';
import { installationId, renewInstallation } from './installation';

const usage = `Usage:
  npm run installation -- show     prints the id of this installation
  npm run installation -- renew    gives this database another id. Run it on a copy, before the copy's processes start`;

/** `npm run installation`: the id that this database's payments carry at the provider. */
async function main(args: string[]): Promise<void> {
  try {
    const [verb, ...more] = parseArguments(args, { options: [], usage, allowPositionals: true }).positionals;
    if (verb === 'help') return console.log(usage);
    if (verb !== 'show' && verb !== 'renew')
      throw new UsageError(`${verb ? `There is no command "${verb}"` : 'There is no command'}.\n\n${usage}`);
    if (more[0]) throw new UsageError(`"${more[0]}" is one argument too many for ${verb}.\n\n${usage}`);
    const { db, close } = await openDatabase(loadConfig(process.env, 'command'), 'holdfast-installation');
    try {
      await (verb === 'show' ? show(db) : renew(db));
    } finally {
      await close();
    }
  } catch (error) {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? error.message : explainFailure('The installation command failed', error));
    process.exitCode = isUsage ? 2 : 1;
  }
}

async function show(db: Database): Promise<void> {
  console.log(await installationId(db));
}

async function renew(db: Database): Promise<void> {
  const before = await installationId(db).catch(() => undefined);
  const id = newId();
  await renewInstallation(db, { id, now: await clockOf(db), cell: cellOf(id) });
  console.log(publicId('ins', id));
  console.error(
    [
      `This database now has its own id${before ? `; it was ${before}` : ''}.`,
      `Reason: a copy must not void authorizations of the original, and reconciliation voids only what carries its own id.`,
      `Payments that carry the old id now count as another installation's: reconciliation does not touch them.`,
      `Restart every API and worker of this database: a running process keeps the old id.`,
    ].join('\n'),
  );
}

void main(process.argv.slice(2));
