import type { Environment } from './environment';

/** One failure on real processes: what breaks, what must still hold, and mutants that prove that the drill notices. */
export interface Drill {
  /** The name of its file. */
  name: string;
  /** What must hold, in one sentence. */
  promise: string;
  /** The rows of docs/failures.md that it covers. */
  rows: number[];
  /** Guards that are removed from the compiled code, one at a time; each must make the drill fail. */
  mutants: Mutant[];
  /** Why it has no mutant: no single guard keeps the promise. */
  noMutant?: string;
  /** Other changes of the compiled code, for a second build. */
  patches?: Patch[];
  /** Skipped, with a message, on a machine without it. */
  needs?: 'redis' | 'citus' | 'patroni';
  /** Counts that must not be zero, or the drill did not test its failure. */
  sometimes?: string[];
  /** Killed after this long; set for drills that take minutes. */
  limitSeconds?: number;
  run(environment: Environment): Promise<void>;
}

/** A change of one compiled line: the one below the comment `guard: <name>`, which must be in the build exactly once. */
export interface Patch {
  guard: string;
  /** Gets the line and returns its replacement; an empty text removes it. */
  change: (line: string) => string;
}

/** The line is removed. */
export const removed = () => '';
/** The line's first number, a limit, becomes too large to matter. */
export const unlimited = (line: string) => line.replace(/\d[\d_]*/, '1e9');

export interface Mutant extends Patch {
  name: string;
  /** What is wrong without the guard. */
  why: string;
  /** Set if the guard exists twice. */
  also?: Patch[];
}

/** Options of the command line; some drills use them. */
export interface DrillOptions {
  seed: number;
  minutes?: number;
  pairs?: number;
}

/**
 * passed     the promise held, and no count of `sometimes` is zero
 * broken     the promise did not hold: an assertion, the audit, or no convergence
 * unreached  everything held, but the drill did not test its failure
 * error      the drill itself could not run
 */
export type Outcome = 'passed' | 'broken' | 'unreached' | 'error';

export interface DrillResult {
  outcome: Outcome;
  /** Whether a wait timed out, which a busy machine can cause too. */
  late?: boolean;
  /** Why, when it is not `passed`. */
  message?: string;
  /** Counts of what happened. */
  facts: Record<string, number>;
}
