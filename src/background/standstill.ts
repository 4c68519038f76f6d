import type { DueWork } from './due-work';

/** Twice the longest statement: what takes longer does not come back. */
export const standstillMs = 60_000;

/** What a worker knows about its progress. Times are by `performance.now()`. */
export interface Progress {
  /** The end of its last look for due work. A look that found PostgreSQL away, or another worker's turn, is one too. */
  lookedAt: number;
  /** Work that each look since then has found due, which means that this worker may take it. */
  dueSince: ReadonlyMap<DueWork, number>;
  /** When the task last got through a round; undefined: never. */
  doneAt: (work: DueWork) => number | undefined;
}

/** Why this worker is of no use, one line each; none when it gets on, or when there is nothing that it may do. */
export function standstill({ lookedAt, dueSince, doneAt }: Progress, now: number): string[] {
  const seconds = (since: number) => Math.round((now - since) / 1_000);
  const lines = [...dueSince]
    .filter(([work, since]) => now - since > standstillMs && (doneAt(work) ?? -Infinity) < since)
    .map(([work, since]) => `${work}: due for ${seconds(since)} s, and no round of it has succeeded since`);
  if (now - lookedAt > standstillMs)
    lines.unshift(`it has not looked for due work for ${seconds(lookedAt)} s`);
  return lines;
}
