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

/** A load test: its settings, its progress and its result. The API sends it as it is. */
export interface LoadTest {
  object: 'load_test';
  id: string;
  status: 'running' | 'passed' | 'failed' | 'stopped' | 'broken';
  startedAt: string;
  endedAt: string | null;
  startedBy: string | null;
  buyers: number;
  units: number;
  rate: number;
  declineRate: number;
  abandonRate: number;
  seed: number;
  lanes: LoadTestLane[];
  trouble: string | null;
}

export interface LoadTestLane {
  strategy: string;
  state: 'waiting' | 'selling' | 'settling' | 'done';
  unitsTaken: number;
  served: number;
  takenPerSecond: number | null;
  answerP99Ms: number | null;
  conflictRate: number | null;
  placed: number | null;
  oversold: number | null;
  doubleCharges: number | null;
  soldOutSeconds: number | null;
  course: [number, number][];
  failures: string[];
}

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
