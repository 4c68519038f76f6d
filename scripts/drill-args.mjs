// What `npm run drill -- …` was asked for.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { SetupError } from './console.mjs';

export const usage = `npm run drill [-- <drill>… [options]]

  --list         the drills, what each promises, and its rows of the failure catalogue
  --mutants      in addition, each drill against each of its mutants, which must turn it red
  --seed N       repeats what was random
  --jobs N       so many at once (2: drills mostly wait)
  --minutes M    how long chaos goes on (1)
  --pairs N      how many crashes during the recovery from a crash (100; in a run of all drills 10)
  --json FILE    the results, for programs
  --docs         the results, into the table of docs/drills.md`;

/** A hundred pairs take eight minutes, which is what all other drills take together. */
const pairsAmongOthers = 10;

/** Asked for something that there is not: the exit code is 2. */
export class UsageError extends SetupError {}

const options = {
  list: { type: 'boolean' },
  mutants: { type: 'boolean' },
  docs: { type: 'boolean' },
  help: { type: 'boolean' },
  seed: { type: 'string' },
  jobs: { type: 'string' },
  minutes: { type: 'string' },
  pairs: { type: 'string' },
  json: { type: 'string' },
};

export function readArgs(argv, known) {
  const { values, positionals } = parse(argv);
  const strangers = positionals.filter((name) => !known.includes(name));
  if (strangers.length > 0)
    throw new UsageError(`There is no drill ${strangers.join(', ')}. There are: ${known.join(', ')}.`);
  return {
    ...values,
    names: positionals.length > 0 ? positionals : known,
    seed: whole('seed', values.seed) ?? randomInt(2 ** 31),
    jobs: whole('jobs', values.jobs) ?? 2,
    pairs: whole('pairs', values.pairs) ?? (positionals.length > 0 ? undefined : pairsAmongOthers),
    minutes: positive('minutes', values.minutes),
  };
}

function parse(argv) {
  try {
    return parseArgs({ args: argv, options, allowPositionals: true });
  } catch (error) {
    if (!error.code?.startsWith('ERR_PARSE_ARGS')) throw error;
    throw new UsageError(`${error.message.split('. ')[0]}.\n\n${usage}`);
  }
}

function whole(name, text) {
  const number = positive(name, text, 'whole ');
  if (number === undefined || Number.isInteger(number)) return number;
  throw new UsageError(`--${name} is "${text}", which is not a whole number above 0.`);
}

function positive(name, text, kind = '') {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text !== '' && number > 0 && Number.isFinite(number)) return number;
  throw new UsageError(`--${name} is "${text}", which is not a ${kind}number above 0.`);
}
