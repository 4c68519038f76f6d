import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../test/support/child';
import { type Part, readBenchArgs } from './bench-args';
import {
  type Bench,
  endToEnd,
  expiry,
  inProcess,
  noOps,
  overHttp,
  statements,
  watched,
  withPast,
} from './bench-measures';
import { Results, median } from './bench-results';
import { Crowd } from './crowd';
import { writeDocs } from './docs';
import { busyWarning, inOneLine, machineNow } from './machine';
import { Environment, stopping } from './environment';
import { table } from './table';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Measured once per round, so that numbers which are compared are measured close in time. */
const inRounds: Partial<Record<Part, (bench: Bench) => Promise<void>>> = {
  'no-op': noOps,
  statements,
  'in-process': inProcess,
  http: overHttp,
  watched,
  'end-to-end': (bench) => endToEnd(bench, { name: 'placed end to end', audited: true }),
};

/** Too long for every round; `past` has its own rounds. */
const once: Partial<Record<Part, (bench: Bench) => Promise<void>>> = { expiry, past: withPast };

/** Measures the parts. The exit code depends on promises, not on speed: a slow machine is no failure. */
export async function bench(argv: string[], onStart: (stop: () => Promise<void>) => void): Promise<number> {
  const args = readBenchArgs(argv);
  const crowd = await Crowd.gather(args.processes);
  const environment = await Environment.build();
  const stop = stopping(crowd, environment);
  onStart(stop);
  try {
    const machine = await machineNow(environment.server, environment.dataDir);
    say(inOneLine(machine));
    const warning = busyWarning(machine);
    if (warning) say(warning);
    const whole: Bench = { args, environment, crowd, results: new Results() };
    for (let round = 1; round <= args.rounds; round++)
      for (const part of args.only) await measure(part, inRounds[part], whole, ` ${round} of ${args.rounds}`);
    for (const part of args.only) await measure(part, once[part], whole);

    const { measurements, ratios, failures, numbers, comparisons } = whole.results;
    say(`\n${table(numbers)}\n\n${table(comparisons)}\n`);
    for (const failure of failures) say(`FAIL ${failure}`);
    const medians = measurements.map((one) => ({ ...one, median: median(one.rounds) }));
    const at = machine.at.replace(/[:.]/g, '-');
    const file = args.json ?? path.join(root, '.holdfast-loadtest', at, 'bench.json');
    mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    writeFileSync(
      file,
      `${JSON.stringify({ machine, args, measurements: medians, ratios, failures }, null, 2)}\n`,
    );
    say(file);
    if (args.docs) {
      writeDocs('performance.md', 'ratios', machine, comparisons);
      writeDocs('performance.md', 'numbers', machine, numbers);
    }
    return failures.length === 0 ? 0 : 1;
  } finally {
    await stop();
  }
}

async function measure(
  part: Part,
  work: ((bench: Bench) => Promise<void>) | undefined,
  whole: Bench,
  round = '',
): Promise<void> {
  if (!work) return;
  const startedAt = performance.now();
  await work(whole);
  say(`${part}${round} (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`);
}
