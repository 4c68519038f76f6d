import type { DatabaseCosts } from './bench/database-costs';
import { ratiosOf } from './bench-ratios';
import { short } from './table';
import type { Tally } from './tally';

export type Unit = '/s' | 'ms' | 's' | 'µs' | 'MiB' | 'KiB' | '';

export interface Measurement {
  name: string;
  unit: Unit;
  /** One number per round. */
  rounds: number[];
  /** The parts of the number, per round. */
  details: object[];
}

export function median(numbers: number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What PostgreSQL did for this number of orders. */
export type PlacedCosts = DatabaseCosts & { orders: number };

/** Less WAL of a table belongs to no order. */
const walBytesMin = 10;

export class Results {
  readonly measurements: Measurement[] = [];
  readonly failures: string[] = [];
  private readonly costs = new Map<string, PlacedCosts>();

  /** `build`: the name of the other one that is measured too. */
  constructor(private readonly build?: string) {}

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

  /** Of the last round. */
  keepCosts(where: string, costs: PlacedCosts): void {
    this.costs.set(where, costs);
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
    return ratiosOf(this.build).flatMap(([name, of, to, aim]) => {
      const [one, other] = [this.medianOf(of), to === undefined ? 1 : this.medianOf(to)];
      if (one === undefined || !other) return [];
      const ratio = one / other;
      const [, bound, wanted, unit] = /^(?:(at least|at most) ([\d.]+) )?(.+)$/.exec(aim)!;
      const value = unit === '%' ? 100 * ratio : ratio;
      const shown = { name, ratio, shown: `${short(value)} ${unit}` };
      if (bound === undefined) return [{ ...shown, aim: 'for comparison' }];
      const reached = bound === 'at least' ? value >= Number(wanted) : value <= Number(wanted);
      return [{ ...shown, aim, reached }];
    });
  }

  get numbers(): string[][] {
    const rows = this.measurements.map(({ name, unit, rounds, details }) => [
      name,
      `${short(median(rounds))} ${unit}`.trim(),
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

  /** The statements that cost PostgreSQL most, per placed order. */
  get dearest(): string[][] {
    const rows = [...this.costs].flatMap(([where, { dearest, orders }]) =>
      dearest.map(({ text, calls, ms }) => [
        text,
        `${short((1_000 * ms) / orders)} µs`,
        short(calls / orders),
        where,
      ]),
    );
    return [['statement', 'of an order', 'calls', 'measured'], ...rows];
  }

  /** What PostgreSQL writes, per placed order. */
  get writes(): string[][] {
    const rows = [...this.costs].flatMap(([where, { tables, orders }]) => {
      // Backends report rows with a delay, but those of all tables with the same.
      const taken = tables.find(({ table }) => table === 'orders')?.inserted || orders;
      return [...tables]
        .filter(({ walBytes }) => walBytes > walBytesMin * orders)
        .sort((one, other) => other.walBytes - one.walBytes)
        .map(({ table, inserted, updated, hot, deleted, walBytes }) => [
          table,
          ...[inserted, updated, hot, deleted].map((count) => short(count / taken)),
          short(walBytes / orders),
          where,
        ]);
    });
    return [['table', 'inserted', 'updated', 'of them HOT', 'deleted', 'WAL in bytes', 'measured'], ...rows];
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
