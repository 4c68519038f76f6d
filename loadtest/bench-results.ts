import { short } from './table';
import type { Tally } from './tally';

export type Unit = '/s' | 'ms' | 's' | 'µs' | 'MiB';

export interface Measurement {
  name: string;
  unit: Unit;
  /** One number per round. */
  rounds: number[];
  /** The parts of the number, per round. */
  details: object[];
}

/** One number divided by another of the same run, and its aim. */
export interface Ratio {
  name: string;
  of: string;
  to: string;
  /** None when the ratio is for comparison only. */
  aim?: { atLeast: number } | { atMost: number };
  show: 'percent' | 'times';
}

const empty = 'empty database';
const past = 'long past';

/** The aims of the design, as ratios of two numbers measured on the same machine within minutes. */
export const ratios: readonly Ratio[] = [
  {
    name: 'orders over HTTP, against the same server doing nothing',
    of: 'orders over HTTP, grouped, 256 buyers',
    to: 'no-op, the API’s own stack',
    aim: { atLeast: 0.4 },
    show: 'percent',
  },
  {
    name: 'p99 at 512 buyers, grouped against row-lock',
    of: 'p99 of orders, grouped, 512 buyers',
    to: 'p99 of orders, row-lock, 512 buyers',
    aim: { atMost: 0.1 },
    show: 'percent',
  },
  {
    name: 'stock taken in process, grouped, against one UPDATE of a hot row by pgbench',
    of: 'stock taken in process, grouped',
    to: 'one UPDATE of a hot row, pgbench',
    aim: { atLeast: 15 },
    show: 'times',
  },
  {
    name: 'stock taken in process, grouped, against one UPDATE of a hot row through pg',
    of: 'stock taken in process, grouped',
    to: 'one UPDATE of a hot row, through pg',
    aim: { atLeast: 15 },
    show: 'times',
  },
  {
    name: 'whole intake in process, against one UPDATE of a hot row through pg',
    of: 'intake in process, grouped',
    to: 'one UPDATE of a hot row, through pg',
    show: 'times',
  },
  {
    name: 'orders with the dashboard open, against closed',
    of: 'orders over HTTP, dashboard open in three tabs',
    to: 'orders over HTTP, dashboard closed',
    aim: { atLeast: 0.95 },
    show: 'percent',
  },
  {
    name: 'p99 of new orders while many reservations end, against before',
    of: 'p99 of orders while they end',
    to: 'p99 of orders before they end',
    aim: { atMost: 2 },
    show: 'times',
  },
  {
    name: 'CPU of an order taken with a long past, against none',
    of: `CPU of orders over HTTP, ${past}`,
    to: `CPU of orders over HTTP, ${empty}`,
    aim: { atMost: 1.1 },
    show: 'percent',
  },
  {
    name: 'orders taken with a long past, against none',
    of: `orders over HTTP, ${past}`,
    to: `orders over HTTP, ${empty}`,
    aim: { atLeast: 0.9 },
    show: 'percent',
  },
  {
    name: 'orders placed with a long past, against none',
    of: `placed end to end, ${past}`,
    to: `placed end to end, ${empty}`,
    aim: { atLeast: 0.9 },
    show: 'percent',
  },
  {
    name: 'the slowest of an operator’s lists with a long past, against one order by its key',
    of: `the slowest list, ${past}`,
    to: `one order by its key, ${past}`,
    aim: { atMost: 10 },
    show: 'times',
  },
];

export function median(numbers: number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export class Results {
  readonly measurements: Measurement[] = [];
  readonly failures: string[] = [];

  /** Undefined: there was no response in time, which is a failure. */
  add(name: string, value: number | undefined, unit: Unit, detail?: object): void {
    if (value === undefined) return this.fail([`${name}: no response during the measurement`]);
    const measurement = this.measurements.find((one) => one.name === name) ?? this.begin(name, unit);
    measurement.rounds.push(value);
    if (detail) measurement.details.push(detail);
  }

  private begin(name: string, unit: Unit): Measurement {
    const measurement = { name, unit, rounds: [], details: [] };
    this.measurements.push(measurement);
    return measurement;
  }

  /** CPU per order by kind of process, which other load on the machine changes little. */
  addCpu(name: string, cpu: Record<string, number>): void {
    const total = Object.values(cpu).reduce((sum, microseconds) => sum + microseconds, 0);
    if (total > 0) this.add(`CPU of ${name}`, total, 'µs', cpu);
  }

  fail(failures: string[]): void {
    this.failures.push(...failures);
  }

  /** A measurement with unexpected responses does not count. */
  failIfOdd(name: string, { counts, oddAnswers }: Pick<Tally, 'counts' | 'oddAnswers'>): void {
    if (counts.unexpected > 0)
      this.fail([`${name}: ${counts.unexpected} unexpected responses, such as: ${oddAnswers[0]}`]);
    if (counts.lost > 0) this.fail([`${name}: ${counts.lost} connections ended without a response`]);
  }

  /** The ratios whose two numbers were measured. */
  get ratios(): { name: string; ratio: number; shown: string; aim: string; reached?: boolean }[] {
    return ratios.flatMap(({ name, of, to, aim, show }) => {
      const [one, other] = [this.medianOf(of), this.medianOf(to)];
      if (one === undefined || !other) return [];
      const ratio = one / other;
      const text = (value: number) => (show === 'percent' ? `${short(100 * value)} %` : `${short(value)} ×`);
      const shown = { name, ratio, shown: text(ratio) };
      if (aim === undefined) return [{ ...shown, aim: 'for comparison' }];
      if ('atLeast' in aim)
        return [{ ...shown, aim: `at least ${text(aim.atLeast)}`, reached: ratio >= aim.atLeast }];
      return [{ ...shown, aim: `at most ${text(aim.atMost)}`, reached: ratio <= aim.atMost }];
    });
  }

  get numbers(): string[][] {
    const rows = this.measurements.map(({ name, unit, rounds, details }) => [
      name,
      `${short(median(rounds))} ${unit}`,
      rounds.map((round) => short(round)).join(' '),
      partsOf(details.at(-1)),
    ]);
    return [['measured', 'median', 'rounds', 'of the last'], ...rows];
  }

  get comparisons(): string[][] {
    const rows = this.ratios.map(({ name, shown, aim, reached }) => [
      name,
      shown,
      reached === undefined ? aim : `${aim}: ${reached ? 'reached' : 'NOT reached'}`,
    ]);
    return [['ratio', 'is', 'aim'], ...rows];
  }

  private medianOf(name: string): number | undefined {
    const found = this.measurements.find((one) => one.name === name);
    return found && median(found.rounds);
  }
}

const partsOf = (detail: object = {}) =>
  Object.entries(detail)
    .map(([part, value]) => `${part} ${short(value as number)}`)
    .join(', ');
