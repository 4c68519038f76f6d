import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../test/support/child';
import { type Part, readBenchArgs } from './bench-args';
import { expiry, inProcess, noOps, overHttp, statements, watched, withPast } from './bench-measures';
import type { Bench } from './bench/measuring';
import { listened } from './bench/listened';
import { endToEnd, moreWorkers, preparedOrNot } from './bench/placing';
import { Results, median } from './bench-results';
import { Crowd } from './crowd';
import { writeDocs } from './docs';
import { busyWarning, inOneLine, machineNow } from './machine';
import { Environment, stopping } from './environment';
import { table } from './table';
import { testServices } from '../test/support/services';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Measured once per round, so that numbers which are compared are measured close in time. */
const inRounds: Partial<Record<Part, (bench: Bench) => Promise<void>>> = {
  'no-op': noOps,
  statements,
  'in-process': inProcess,
  http: overHttp,
  watched,
  'end-to-end': endToEnd,
  prepared: preparedOrNot,
  listened,
};

/** Too long for every round; `past` has its own rounds. */
const once: Partial<Record<Part, (bench: Bench) => Promise<void>>> = {
  workers: moreWorkers,
  expiry,
  past: withPast,
};

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
    const other = args.build === undefined ? undefined : await environment.otherBuild(args.build);
    const queues = args.queues.filter((queue) => queue === 'postgres' || testServices().redis !== null);
    const whole: Bench = { args, environment, crowd, queues, other, results: new Results(other?.name) };
    for (let round = 1; round <= args.rounds; round++)
      for (const part of args.only) await measure(part, inRounds[part], whole, ` ${round} of ${args.rounds}`);
    for (const part of args.only) await measure(part, once[part], whole);

    const { measurements, ratios, failures, numbers, comparisons, dearest, writes } = whole.results;
    for (const rows of [numbers, comparisons, dearest, writes]) if (rows.length > 1) say(`\n${table(rows)}`);
    say('');
    for (const failure of failures) say(`FAIL ${failure}`);
    const medians = measurements.map((one) => ({ ...one, median: median(one.rounds) }));
    const at = machine.at.replace(/[:.]/g, '-');
    const file = args.json ?? path.join(root, '.holdfast-loadtest', at, 'bench.json');
    mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
    writeFileSync(
      file,
      `${JSON.stringify({ machine, args, measurements: medians, ratios, failures, dearest, writes }, null, 2)}\n`,
    );
    say(file);
    if (args.docs) {
      const tables = { ratios: comparisons, numbers, dearest, writes };
      for (const [mark, rows] of Object.entries(tables))
        if (rows.length > 1) writeDocs('performance.md', mark, machine, rows);
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
