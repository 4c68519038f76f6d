import { UsageError, parseArguments } from '../../config/arguments';
import { loadConfig } from '../../config/config';
import { openDatabase } from '../../database/database';
import { explainFailure } from '../../database/start-errors';
import { markRestored } from './saga.repository';

const usage = `Usage:
  npm run restored    after every restore of the database: unfinished orders are searched at the provider before they are charged`;

/**
 * `npm run restored`: an operator's step after every restore. A restored database may have forgotten charges whose keys the
 * provider has forgotten too, or that an earlier build made under random keys.
 */
async function main(args: string[]): Promise<void> {
  try {
    parseArguments(args, { options: [], usage });
    const { db, close } = await openDatabase(loadConfig(process.env, 'command'), 'holdfast-restored');
    let marked: number;
    try {
      marked = await markRestored(db);
    } finally {
      await close();
    }
    console.log(
      `${marked} unfinished orders are marked. The provider is searched for each of them before it is charged.`,
    );
    console.log(
      'Next: npm run reconcile -- --from <day of the backup>, for charges of orders that this database lost.',
    );
  } catch (error) {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? error.message : explainFailure('The orders could not be marked', error));
    process.exitCode = isUsage ? 2 : 1;
  }
}

void main(process.argv.slice(2));
