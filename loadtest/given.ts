import { parseArgs } from 'node:util';

/** Asked for something that there is not. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Bounds {
  min: number;
  max: number;
}

/** What stands on the command line; whatever cannot be used is refused with what could. */
export class Given {
  private readonly values: Record<string, string | boolean | undefined>;

  constructor(argv: string[], known: readonly string[], usage: string) {
    try {
      const options = Object.fromEntries(known.map((name) => [name, { type: 'string' as const }]));
      const flags = { docs: { type: 'boolean' as const } };
      this.values = parseArgs({ args: withNegatives(argv), options: { ...options, ...flags } }).values;
    } catch (error) {
      throw new UsageError(`${(error as Error).message.split('. ')[0]!.replace(/\.$/, '')}.\n\n${usage}`);
    }
  }

  /** The numbers are to go into the documentation. */
  get docs(): boolean {
    return this.values.docs === true;
  }

  text(name: string): string | undefined {
    return this.given(name) || undefined;
  }

  private given(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === 'string' ? value.trim() : undefined;
  }

  number(name: string, fallback: number, { min, max }: Bounds, kind = 'number'): number {
    const text = this.given(name);
    if (text === undefined) return fallback;
    const number = Number(text);
    const fits = text !== '' && number >= min && number <= max;
    if (fits && (kind === 'number' || Number.isInteger(number))) return number;
    throw new UsageError(
      `--${name} is "${text}", not a ${kind} from ${min} to ${max}. Example: --${name}=${fallback}`,
    );
  }

  whole(name: string, fallback: number, bounds: Bounds): number {
    return this.number(name, fallback, bounds, 'whole number');
  }

  wholes(name: string, fallback: number[], { min, max }: Bounds): number[] {
    const text = this.text(name);
    if (text === undefined) return fallback;
    if (text === 'none') return [];
    const numbers = text.split(',').map(Number);
    if (numbers.every((number) => Number.isInteger(number) && number >= min && number <= max)) return numbers;
    throw new UsageError(
      `--${name} is "${text}", neither "none" nor whole numbers from ${min} to ${max}. Example: --${name}=1,8,64`,
    );
  }

  oneOf<T extends string>(name: string, allowed: readonly [T, ...T[]]): T {
    const text = this.text(name) ?? allowed[0];
    const value = allowed.find((one) => one === text);
    if (value === undefined) throw new UsageError(`--${name} is "${text}", none of ${allowed.join(', ')}.`);
    return value;
  }

  url(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/$/, '');
    throw new UsageError(
      `--${name} is "${text}", not an http or https URL. Example: --${name}=http://127.0.0.1:3000`,
    );
  }
}

/** `--stock -5` as `--stock=-5`: a number below zero is a wrong number and no option. */
function withNegatives(argv: string[]): string[] {
  return argv.reduce<string[]>((kept, arg) => {
    const isValue = /^-\d/.test(arg) && /^--[\w-]+$/.test(kept.at(-1) ?? '');
    return isValue ? [...kept.slice(0, -1), `${kept.at(-1)}=${arg}`] : [...kept, arg];
  }, []);
}
