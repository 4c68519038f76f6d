import { AssertionError } from 'node:assert/strict';
import path from 'node:path';
import { NotInTime } from '../../test/support/until';
import { patchedBuild } from './build';
import type { Drill, DrillResult, Outcome } from './drill';
import { NotReached } from './reach';
import { Stage, type StageSettings } from './stage';

/** What one process is told to play. */
export interface Part extends StageSettings {
  drill: Drill;
  mutant?: string;
}

/** Plays one drill, on the build as it is or on a mutant of it, and tells how it ended. Never throws. */
export async function play({ drill, mutant, ...settings }: Part): Promise<DrillResult> {
  let stage: Stage | undefined;
  try {
    stage = new Stage({ ...settings, dist: buildFor(drill, mutant, settings) });
    await drill.run(stage);
    const unreached = (drill.sometimes ?? []).filter((what) => !((stage?.facts[what] ?? 0) > 0));
    return unreached.length === 0
      ? { outcome: 'passed', facts: stage.facts }
      : {
          outcome: 'unreached',
          message: `The drill did not reach what it is about: no ${unreached.join(', no ')}.`,
          facts: stage.facts,
        };
  } catch (error) {
    return { outcome: outcomeOf(error), message: messageOf(error), facts: stage?.facts ?? {} };
  } finally {
    await stage?.close();
  }
}

function buildFor(drill: Drill, mutant: string | undefined, { dist, workDir }: StageSettings): string {
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
