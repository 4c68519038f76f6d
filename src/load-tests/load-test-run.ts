import type { ChildProcess } from 'node:child_process';
import {
  type LoadTest,
  type LoadTestFiles,
  type LoadTestLane,
  type SaleReport,
  laneOf,
} from './load-test-files';

/** Messages of the child process, sent by `sendToParent` in `loadtest/progress.ts`. */
type Message =
  { selling: string; progress?: { done: number; accepted: number; reserved: number } } | { sold: SaleReport };

const writeEveryMs = 500;
/** On SIGTERM the child ends its buyers first; after this it is killed. */
const stopMsMax = 5_000;

/** A running load test: receives the progress of its child process and writes it to its file. */
export class LoadTestRun {
  private readonly timer: NodeJS.Timeout;
  private readonly ended: Promise<void>;
  private sellingSince = performance.now();
  private errorOutput = '';
  private isStopped = false;

  constructor(
    private readonly test: LoadTest,
    private readonly child: ChildProcess,
    private readonly files: LoadTestFiles,
  ) {
    this.timer = setInterval(() => this.tick(), writeEveryMs);
    child.on('message', (message: Message) => this.receive(message));
    child.stderr?.on('data', (chunk: Buffer) => {
      this.errorOutput = (this.errorOutput + chunk.toString()).slice(-2_000);
    });
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(this.close(null, error.message)));
      child.once('close', (code) => resolve(this.close(code)));
    });
  }

  /** Resolves when the child process has ended. */
  async end(): Promise<void> {
    this.isStopped = true;
    this.child.kill('SIGTERM');
    const kill = setTimeout(() => this.child.kill('SIGKILL'), stopMsMax);
    await this.ended;
    clearTimeout(kill);
  }

  private tick(): void {
    if (!this.isStopped && this.files.isStopRequested(this.test.id)) void this.end();
    this.files.write(this.test);
  }

  private receive(message: Message): void {
    if ('sold' in message)
      return void Object.assign(this.lane(message.sold.strategy), laneOf(message.sold, this.test.units));
    const lane = this.lane(message.selling);
    if (message.progress === undefined) {
      this.sellingSince = performance.now();
      lane.course = [[0, 0]];
    }
    const { done, accepted, reserved } = message.progress ?? { done: 0, accepted: 0, reserved: 0 };
    const seconds = (performance.now() - this.sellingSince) / 1_000;
    lane.state = done >= this.test.buyers ? 'settling' : 'selling';
    lane.served = done;
    lane.unitsTaken = Math.min(this.test.units, accepted + reserved);
    lane.takenPerSecond = seconds > 0 ? lane.unitsTaken / seconds : null;
    if (message.progress) lane.course.push([Math.round(seconds * 100) / 100, lane.unitsTaken]);
  }

  private lane(strategy: string): LoadTestLane {
    return this.test.lanes.find((one) => one.strategy === strategy)!;
  }

  private close(code: number | null, trouble = this.errorOutput.trim().split('\n').at(-1) ?? ''): void {
    clearInterval(this.timer);
    this.test.endedAt = new Date().toISOString();
    if (this.isStopped) this.test.status = 'stopped';
    else if (code === 0) this.test.status = 'passed';
    else if (this.test.lanes.every(({ state }) => state === 'done')) this.test.status = 'failed';
    else {
      this.test.status = 'broken';
      this.test.trouble = trouble || `The load test ended with exit code ${code}.`;
    }
    this.files.write(this.test);
  }
}
