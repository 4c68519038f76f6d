import { parseArgs } from 'node:util';
import { Reader } from './settings-reader';

/** A wrong argument. The program prints the message and exits with 2. */
export class UsageError extends Error {
  // By name, because the scripts cannot import this class before there is a compiler.
  override readonly name = 'UsageError';
}

interface Accepted {
  options: readonly string[];
  flags?: readonly string[];
  usage: string;
  allowPositionals?: boolean;
}

/** What stands on a command line: options by the reader of settings, flags by their names. */
export function parseArguments(
  argv: string[],
  { options, flags = [], usage, allowPositionals = false }: Accepted,
) {
  const typed = <T extends string>(names: readonly string[], type: T) =>
    Object.fromEntries(names.map((name) => [name, { type }]));
  try {
    const { values, positionals } = parseArgs({
      args: withNegatives(argv),
      options: { ...typed(options, 'string' as const), ...typed(flags, 'boolean' as const) },
      allowPositionals,
    });
    const read = new Reader(values as Record<string, string>, { prefix: '--', ErrorClass: UsageError });
    return { read, has: (flag: string) => values[flag] === true, positionals };
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]!.replace(/\.$/, '')}.\n\n${usage}`);
  }
}

/** `--stock -5` as `--stock=-5`: a number below zero is a wrong number and no option. */
function withNegatives(argv: string[]): string[] {
  return argv.reduce<string[]>((kept, arg) => {
    const isValue = /^-\d/.test(arg) && /^--[\w-]+$/.test(kept.at(-1) ?? '');
    return isValue ? [...kept.slice(0, -1), `${kept.at(-1)}=${arg}`] : [...kept, arg];
  }, []);
}
