import type { ChildProcess } from 'node:child_process';
import {
  type LoadTest,
  type LoadTestFiles,
  type LoadTestLane,
  type SaleReport,
  laneOf,
} from './load-test-files';

/** What the child process says; `loadtest/onlooker.ts` is the other end. */
type News =
  { selling: string; progress?: { done: number; accepted: number; reserved: number } } | { sold: SaleReport };

const writeEveryMs = 500;
/** Asked to stop, it ends its buyers first. */
const patienceMs = 5_000;

/** One load test while it runs: hears how far it is, and writes that down for all who look. */
export class LoadTestRun {
  private readonly timer: NodeJS.Timeout;
  private readonly ended: Promise<void>;
  private sellingSince = performance.now();
  private lastWords = '';
  private isStopped = false;

  constructor(
    private readonly test: LoadTest,
    private readonly child: ChildProcess,
    private readonly files: LoadTestFiles,
  ) {
    this.timer = setInterval(() => this.look(), writeEveryMs);
    child.on('message', (news: News) => this.hear(news));
    child.stderr?.on('data', (chunk: Buffer) => {
      this.lastWords = (this.lastWords + chunk.toString()).slice(-2_000);
    });
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(this.close(null, error.message)));
      child.once('close', (code) => resolve(this.close(code)));
    });
  }

  /** Nothing of it is left when this resolves. */
  async end(): Promise<void> {
    this.isStopped = true;
    this.child.kill('SIGTERM');
    const kill = setTimeout(() => this.child.kill('SIGKILL'), patienceMs);
    await this.ended;
    clearTimeout(kill);
  }

  private look(): void {
    if (!this.isStopped && this.files.isAskedToStop(this.test.id)) void this.end();
    this.files.write(this.test);
  }

  private hear(news: News): void {
    if ('sold' in news)
      return void Object.assign(this.lane(news.sold.strategy), laneOf(news.sold, this.test.units));
    const lane = this.lane(news.selling);
    if (news.progress === undefined) {
      this.sellingSince = performance.now();
      lane.course = [[0, 0]];
    }
    const { done, accepted, reserved } = news.progress ?? { done: 0, accepted: 0, reserved: 0 };
    const seconds = (performance.now() - this.sellingSince) / 1_000;
    lane.state = done >= this.test.buyers ? 'settling' : 'selling';
    lane.served = done;
    lane.unitsTaken = Math.min(this.test.units, accepted + reserved);
    lane.takenPerSecond = seconds > 0 ? lane.unitsTaken / seconds : null;
    if (news.progress) lane.course.push([Math.round(seconds * 100) / 100, lane.unitsTaken]);
  }

  private lane(strategy: string): LoadTestLane {
    return this.test.lanes.find((one) => one.strategy === strategy)!;
  }

  private close(code: number | null, trouble = this.lastWords.trim().split('\n').at(-1) ?? ''): void {
    clearInterval(this.timer);
    this.test.endedAt = new Date().toISOString();
    if (this.isStopped) this.test.status = 'stopped';
    else if (code === 0) this.test.status = 'passed';
    else if (this.test.lanes.every(({ state }) => state === 'done')) this.test.status = 'failed';
    else {
      this.test.status = 'broken';
      this.test.trouble = trouble || `It ended with exit code ${code}.`;
    }
    this.files.write(this.test);
  }
}
