import { randomInt } from 'node:crypto';
import { UsageError, parseArguments } from '../../src/config/arguments';

export const usage = `npm run drill [-- <drill>… [options]]

  --list         the drills with their promises and rows of docs/failures.md
  --mutants      also run each drill against each of its mutants, which must make it fail
  --mutants-third K   a third of the mutants, the Kth of three; one that several drills share runs against the first only
  --seed N       repeat a run with its random choices
  --jobs N       drills that run at once (2: they mostly wait)
  --minutes M    duration of chaos (1)
  --pairs N      crashes during the recovery from a crash (100; 10 in a run of all drills)
  --json FILE    write the results for programs
  --docs         write the results into the table of docs/drills.md`;

/** A hundred pairs take eight minutes, as long as all other drills together. */
const pairsAmongOthers = 10;

/** `known`: the names of all drills. */
export function readDrillArgs(argv: string[], known: readonly string[]) {
  const { read, has, positionals } = parseArguments(argv, {
    options: ['seed', 'jobs', 'minutes', 'pairs', 'json', 'mutants-third'],
    flags: ['list', 'mutants', 'docs', 'help'],
    usage,
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new UsageError(`There is no drill ${unknown.join(', ')}. There are: ${known.join(', ')}.`);
  const areNamed = positionals.length > 0;
  return {
    names: areNamed ? positionals : known,
    list: has('list'),
    mutants: has('mutants'),
    mutantsThird: read.integer('mutants-third', undefined, { min: 1, max: 3 }),
    docs: has('docs'),
    help: has('help'),
    seed: read.integer('seed', randomInt(2 ** 31), { min: 0, max: 2 ** 31 }),
    jobs: read.integer('jobs', 2, { min: 1, max: 64 }),
    // Undefined: the drill's own default.
    minutes: read.number('minutes', undefined, { min: 0.01, max: 10_000 }),
    pairs: read.integer('pairs', areNamed ? undefined : pairsAmongOthers, { min: 1, max: 100_000 }),
    json: read.text('json', '') || undefined,
  };
}
