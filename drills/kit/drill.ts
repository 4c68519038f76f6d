import type { Stage } from './stage';

/**
 * One failure, played on real processes: what is broken, what must hold all the same, and how it is known that the
 * drill would notice if it did not.
 */
export interface Drill {
  /** As its file is called. */
  name: string;
  /** What holds whatever happens, in a sentence. */
  promise: string;
  /** The rows of the failure catalogue that it plays. */
  rows: number[];
  /** Guards taken out of the compiled code, one at a time; each must turn the drill red. */
  mutants: Mutant[];
  /** Why there is none, where no single guard carries the promise. */
  noMutant?: string;
  /** What else it changes in the compiled code, to have another build beside this one. */
  patches?: Patch[];
  /** Skipped, loudly, on a machine without it. */
  needs?: 'redis';
  /** What must have happened at least once, or the drill never came to what it is about. */
  sometimes?: string[];
  /** Hung after this long; a drill that goes on for minutes on purpose says so. */
  limitSeconds?: number;
  run(stage: Stage): Promise<void>;
}

/** A change of one compiled line: the one below the comment `guard: <name>`, which must be in the build exactly once. */
export interface Patch {
  guard: string;
  /** Gets the line and returns what takes its place; an empty text removes it. */
  change: (line: string) => string;
}

/** The line is removed. */
export const removed = () => '';
/** The line's first number, a limit, becomes so large that it limits nothing. */
export const unlimited = (line: string) => line.replace(/\d[\d_]*/, '1e9');

export interface Mutant extends Patch {
  name: string;
  /** What goes wrong without the guard. */
  why: string;
  /** Where the guard is kept twice. */
  also?: Patch[];
}

/** What the command line may ask of the drills that take it. */
export interface DrillOptions {
  seed: number;
  minutes?: number;
  pairs?: number;
}

/**
 * passed     every promise held, and everything that must happen sometimes did
 * broken     a promise did not hold: an assertion, the audit, or convergence that never came
 * unreached  all held, but the drill never came to what it is about
 * error      the drill itself could not be played
 */
export type Outcome = 'passed' | 'broken' | 'unreached' | 'error';

export interface DrillResult {
  outcome: Outcome;
  /** Why, when it is not `passed`. */
  message?: string;
  /** What was done, in numbers. */
  facts: Record<string, number>;
}
