import { AssertionError } from 'node:assert/strict';
import path from 'node:path';
import { NotInTime } from '../../test/support/until';
import { patchedBuild } from './build';
import type { Drill, DrillResult, Outcome } from './drill';
import { NotReached } from './reach';
import { Environment, type EnvironmentSettings } from './environment';

/** What one process runs. */
export interface Part extends EnvironmentSettings {
  drill: Drill;
}

/** Runs one drill on the build or on a mutant of it, and returns its outcome. Never throws. */
export async function play({ drill, mutant, ...settings }: Part): Promise<DrillResult> {
  let environment: Environment | undefined;
  try {
    const dist = buildFor(drill, mutant, settings);
    environment = new Environment({ ...settings, dist, mutant });
    await drill.run(environment);
    const unreached = (drill.sometimes ?? []).filter((what) => !((environment?.facts[what] ?? 0) > 0));
    return unreached.length === 0
      ? { outcome: 'passed', facts: environment.facts }
      : {
          outcome: 'unreached',
          message: `The drill did not test its failure: no ${unreached.join(', no ')}.`,
          facts: environment.facts,
        };
  } catch (error) {
    const late = error instanceof NotInTime;
    return { outcome: outcomeOf(error), late, message: messageOf(error), facts: environment?.facts ?? {} };
  } finally {
    await environment?.close();
  }
}

function buildFor(
  drill: Drill,
  mutant: string | undefined,
  { dist, workDir }: Pick<Part, 'dist' | 'workDir'>,
): string {
  if (mutant === undefined) return dist;
  const patch = drill.mutants.find(({ name }) => name === mutant);
  if (!patch) throw new Error(`${drill.name} has no mutant ${mutant}`);
  return patchedBuild(dist, path.join(workDir, 'mutant'), [patch, ...(patch.also ?? [])]);
}

function outcomeOf(error: unknown): Exclude<Outcome, 'passed'> {
  if (error instanceof NotReached) return 'unreached';
  return error instanceof AssertionError || error instanceof NotInTime ? 'broken' : 'error';
}

const messageOf = (error: unknown): string =>
  error instanceof Error && outcomeOf(error) !== 'error'
    ? error.message
    : ((error as Error)?.stack ?? String(error));
