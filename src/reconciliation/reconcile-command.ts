import { UsageError, parseArguments } from '../config/arguments';
import { type Config, loadConfig } from '../config/config';
import { clockOf, openDatabase } from '../database/database';
import { explainFailure } from '../database/start-errors';
import { ValidationFailed } from '../errors';
import { publicId } from '../ids';
import { openReconciliation } from './open-reconciliation';
import { periodOf } from './reconciliations';
import { type FoundDifference, findReconciliation } from './reconciliations.repository';

const usage = `Usage:
  npm run reconcile -- --from DATE [--to DATE]    compares our payments of a period with the provider's

DATE is a day (2026-11-20, from midnight UTC) or an instant (2026-11-20T10:00:00Z). Without --to: until now.`;

/**
 * `npm run reconcile`: differences become payment facts and review cases, and are printed. Exits 0 when there was none, 1 when
 * there was one, 2 when it could not compare.
 */
async function main(args: string[]): Promise<void> {
  try {
    const { read } = parseArguments(args, { options: ['from', 'to'], usage });
    const [from, to] = [read.date('from'), read.date('to')];
    if (!from) throw new UsageError(`--from is missing.\n\n${usage}`);
    process.exitCode = await reconcile(loadConfig(process.env, 'command'), from, to);
  } catch (error) {
    const isUsage = error instanceof UsageError || error instanceof ValidationFailed;
    console.error(isUsage ? error.message : explainFailure('The reconciliation could not be made', error));
    process.exitCode = 2;
  }
}

async function reconcile(config: Config, from: Date, to: Date | undefined): Promise<number> {
  const { db, close } = await openDatabase(config, 'holdfast-reconcile');
  try {
    const { reconciliations } = openReconciliation(config, db);
    const period = periodOf(from, to, await clockOf(db));
    const id = await reconciliations.begin(period, 'command');
    if (!id) {
      console.error(
        'Another reconciliation is running. Wait until it has ended (GET /v1/admin/reconciliations).',
      );
      return 2;
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => void reconciliations.beforeApplicationShutdown());
    await reconciliations.run(id);
    const { status, error, compared, others, differenceCount, differences } = (await findReconciliation(
      db,
      id,
    ))!;
    for (const difference of differences) console.log(lineOf(difference));
    if (differenceCount > differences.length)
      console.log(`… and ${differenceCount - differences.length} more: see GET /v1/admin/review`);
    const what = `${publicId('rec', id)}: ${compared} payments compared from ${period.from.toISOString()} to ${period.to.toISOString()}, ${differenceCount} differences, ${others} payments of others left alone`;
    console.log(status === 'done' ? what : `${what}. It failed: ${error}`);
    if (status !== 'done') return 2;
    return differenceCount === 0 ? 0 : 1;
  } finally {
    await close();
  }
}

const lineOf = ({ kind, orderId, ours, provider, amountAtRisk, caseId }: FoundDifference): string =>
  [
    kind.padEnd(22),
    orderId ?? '(no order)',
    `here: ${ours}; provider: ${provider}`,
    ...(amountAtRisk.amount > 0 ? [`at risk: ${amountAtRisk.amount} ${amountAtRisk.currency}`] : []),
    ...(caseId ? [caseId] : []),
  ].join('  ');

void main(process.argv.slice(2));
