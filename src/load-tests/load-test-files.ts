import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { decimal, instant, int, publicIdOf, responseType, text } from '../http/responses';

const laneType = responseType('LoadTestLane', {
  strategy: text('grouped'),
  state: z.enum(['waiting', 'selling', 'settling', 'done']).meta({ example: 'done' }),
  unitsTaken: int(500).describe('Of the units on sale, how many were promised so far.'),
  served: int(5_000).describe('Of the buyers.'),
  takenPerSecond: decimal(1_204.5).nullable(),
  answerP99Ms: decimal(11.5)
    .nullable()
    .describe('How long buyers waited; null, like the next, until the lane is done.'),
  conflictRate: decimal(0.01).nullable().describe('Tries in vain per reservation.'),
  placed: int(460).nullable().describe('Null, like the next two, until the lane was judged.'),
  oversold: int(0).nullable(),
  doubleCharges: int(0).nullable(),
  soldOutSeconds: decimal(0.5)
    .nullable()
    .describe('From the first buyer to the last unit; null when some are left.'),
  course: z
    .array(z.array(decimal(0.25)).length(2))
    .describe('`[seconds since the start, units taken]`, at most four a second.'),
  failures: z.array(text('12 units were sold that were not there')).describe('What did not hold.'),
});
export type LoadTestLane = z.infer<typeof laneType>;

/** A load test: its settings, its progress and its result. The API sends it as it is. */
export const loadTestType = responseType('LoadTest', {
  object: z.literal('load_test'),
  id: publicIdOf('run'),
  status: z
    .enum(['running', 'passed', 'failed', 'stopped', 'broken'])
    .describe('`passed` and `failed` are verdicts on the promises; `broken` came to none, see `trouble`.'),
  startedAt: instant('2026-11-20T14:03:31.000Z'),
  endedAt: instant('2026-11-20T14:03:43.000Z').nullable(),
  startedBy: text('bootstrap-admin').nullable().describe('Null: started on the command line.'),
  buyers: int(5_000),
  units: int(500),
  rate: decimal(1_000.5),
  declineRate: decimal(0.08),
  abandonRate: decimal(0.02),
  seed: int(4_021),
  lanes: z.array(laneType).describe('In the order of the run, also those that have not begun.'),
  trouble: text('The process that held it has gone.').nullable(),
});
export type LoadTest = z.infer<typeof loadTestType>;

/** The part of a sale's result that is shown; `loadtest/flash-report.ts` writes it. */
export interface SaleReport {
  strategy: string;
  counts: { accepted: number; reserved: number; refused: number; gaveUp: number };
  answerMs: { p99?: number };
  measured: { conflicts: number };
  verdict: { placed: number; oversold: number; doubleCharges: number; failures: string[] };
  /** Quarters of a second. */
  course: { accepted?: number; reserved?: number }[];
}

interface ResultFile {
  machine: { at: string };
  args: Omit<LoadTest, 'units'> & { stock: number };
  sales: SaleReport[];
}

const sliceSeconds = 0.25;
/** Older ones stay in their folders. */
const listedMax = 50;
/** The process that runs a load test writes its file twice a second; after this silence it is gone. */
const silenceMsMax = 10_000;

const runFile = 'run.json';
const stopFile = 'stop';

export const waitingLane = (strategy: string): LoadTestLane => ({
  strategy,
  state: 'waiting',
  unitsTaken: 0,
  served: 0,
  takenPerSecond: null,
  answerP99Ms: null,
  conflictRate: null,
  placed: null,
  oversold: null,
  doubleCharges: null,
  soldOutSeconds: null,
  course: [],
  failures: [],
});

/** The lane of a finished sale. A unit that is sold again after a declined card counts once. */
export function laneOf(sale: SaleReport, units: number): LoadTestLane {
  const course: [number, number][] = [[0, 0]];
  let taken = 0;
  for (const [slice, { accepted = 0, reserved = 0 }] of sale.course.entries()) {
    taken += accepted + reserved;
    course.push([(slice + 1) * sliceSeconds, Math.min(units, taken)]);
  }
  const unitsTaken = Math.min(units, taken);
  const [lastTakenAt] = course.find(([, count]) => count === unitsTaken)!;
  const { counts, measured, verdict } = sale;
  return {
    strategy: sale.strategy,
    state: 'done',
    unitsTaken,
    served: counts.accepted + counts.reserved + counts.refused + counts.gaveUp,
    takenPerSecond: lastTakenAt > 0 ? unitsTaken / lastTakenAt : 0,
    answerP99Ms: sale.answerMs.p99 ?? null,
    conflictRate: measured.conflicts / Math.max(1, taken),
    placed: verdict.placed,
    oversold: verdict.oversold,
    doubleCharges: verdict.doubleCharges,
    soldOutSeconds: unitsTaken === units ? lastTakenAt : null,
    course,
    failures: verdict.failures,
  };
}

/** A folder per load test, shared by the processes of this machine: first its progress, then its report. */
export class LoadTestFiles {
  constructor(private readonly root: string) {}

  folderOf(id: string): string {
    return join(this.root, id);
  }

  begin(run: LoadTest): void {
    makeFolder(this.folderOf(run.id));
    this.write(run);
  }

  /** Replaces the file at once, so that another process never reads half of it. */
  write(run: LoadTest): void {
    const file = join(this.folderOf(run.id), runFile);
    writeFileSync(`${file}.new`, JSON.stringify(run));
    renameSync(`${file}.new`, file);
  }

  /** A load test that a process of this machine started, or that `npm run flash-sale --out` put here. */
  read(id: string): LoadTest | undefined {
    const file = join(this.folderOf(id), runFile);
    const run = readJson<LoadTest>(file);
    if (!run) return fromResult(id, join(this.folderOf(id), 'result.json'));
    const isAlive = run.status !== 'running' || Date.now() - statSync(file).mtimeMs < silenceMsMax;
    return isAlive ? run : { ...run, status: 'broken', trouble: 'The process that ran it is gone.' };
  }

  /** Newest first. */
  list(): LoadTest[] {
    const ids = existsSync(this.root) ? readdirSync(this.root) : [];
    return ids
      .flatMap((id) => this.read(id) ?? [])
      .sort((one, other) => (one.startedAt < other.startedAt ? 1 : -1))
      .slice(0, listedMax);
  }

  /** For the process that runs it, which may be another one. */
  requestStop(id: string): void {
    writeFileSync(join(this.folderOf(id), stopFile), '');
  }

  isStopRequested(id: string): boolean {
    return existsSync(join(this.folderOf(id), stopFile));
  }
}

function fromResult(id: string, file: string): LoadTest | undefined {
  const result = readJson<ResultFile>(file);
  if (!result) return undefined;
  const { buyers, stock, rate, declineRate, abandonRate, seed } = result.args;
  const lanes = result.sales.map((sale) => laneOf(sale, stock));
  return {
    object: 'load_test',
    id,
    status: lanes.every(({ failures }) => failures.length === 0) ? 'passed' : 'failed',
    startedAt: result.machine.at,
    endedAt: null,
    startedBy: null,
    ...{ buyers, units: stock, rate, declineRate, abandonRate, seed },
    lanes,
    trouble: null,
  };
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** Makes a folder and its parents. Node's own `recursive` never returns where a parent answers ENOENT, as /proc does. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  makeFolder(dirname(dir));
  try {
    mkdirSync(dir);
  } catch (error) {
    // Another process made it a moment ago.
    if (!existsSync(dir)) throw error;
  }
}
