/** Body of `POST /v1/admin/load-tests` (admin; Idempotency-Key accepted); 202 with a `LoadTest`, 409 `load_test_running`. */
export interface NewLoadTest {
  /** 1 to 100 000. */
  buyers: number;
  /** 1 to 100 000. */
  units: number;
  /** Each at most once, in the order of the run. */
  strategies: string[];
  /** Share of the cards that are declined. */
  declineRate: number;
  /** Share of the buyers who reserve and go away. `declineRate` + `abandonRate` ≤ 1; the rest pays. */
  abandonRate: number;
  /** How many come each second, on average (1 to 20 000). Default 1 000. */
  rate?: number;
  /** 0 to 2147483648; left out: a random one, told in the answer. */
  seed?: number;
  reason: string;
}

export type LoadTestStatus = 'running' | 'passed' | 'failed' | 'stopped' | 'broken';

/**
 * One rehearsal. `passed` and `failed` are verdicts on the promises; `broken` means that it came to no verdict (see
 * `trouble`). `GET load-tests` lists them newest first as `LoadTestList`; 404 in production.
 */
export interface LoadTest {
  object: 'load_test';
  id: string;
  status: LoadTestStatus;
  startedAt: string;
  endedAt: string | null;
  /** Name of the key that started it; null for one started on the command line. */
  startedBy: string | null;
  buyers: number;
  units: number;
  rate: number;
  declineRate: number;
  abandonRate: number;
  seed: number;
  /** In the order of the run, also those that have not begun. */
  lanes: LoadTestLane[];
  /** Why it is `broken`. */
  trouble: string | null;
}

export interface LoadTestLane {
  strategy: string;
  state: 'waiting' | 'selling' | 'settling' | 'done';
  /** Of the units on sale, how many were promised to somebody so far. */
  unitsTaken: number;
  /** Of the buyers. */
  served: number;
  takenPerSecond: number | null;
  /** Of the buyers' answers, in milliseconds; null until the lane is done. */
  answerP99Ms: number | null;
  /** Tries in vain per reservation; null until the lane is done. */
  conflictRate: number | null;
  /** Null until the lane was judged. */
  placed: number | null;
  oversold: number | null;
  doubleCharges: number | null;
  /** From the first buyer to the last unit; null while there are any, and when some are left at the end. */
  soldOutSeconds: number | null;
  /** `[seconds since the doors opened, units taken]`, from [0, 0], four a second at most. */
  course: [number, number][];
  /** What did not hold, a sentence each; empty when all did. */
  failures: string[];
}

export interface LoadTestList {
  object: 'list';
  data: LoadTest[];
  /** The strategies that may be asked for. */
  strategies: string[];
}
