import { spawn, type ChildProcessByStdio } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import type { Readable } from 'node:stream';
import type { Guardian } from './guardian';
import { watchStart } from './progress';

export const root = path.resolve(__dirname, '..', '..');

/** Packages come from one file to save CPU time over several hundred starts: see scripts/prebundle.mjs. */
const preload = process.env.HOLDFAST_TEST_PRELOAD;
export const prebundledArgs = preload === undefined ? [] : ['--require', preload];

/** Enough lines for a long drill that searches them, */
const outputLinesMax = 5_000;
/** and the most that a failing test prints. */
const printedLinesMax = 200;

/** How often a running start is checked. */
const lookEveryMs = 250;

/** A process that has not ended after its own grace period plus this hangs; a busy machine needs most of it. */
const stopGraceMs = 60_000;

const endingSignals: NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT'];

export interface ChildSpec {
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** The line that it prints when it is ready. */
  readyWhen: RegExp;
  /** The user it runs as; ours unless it refuses that, as PostgreSQL refuses root. */
  user?: { uid?: number; gid?: number };
  /** Its working directory, which that user must be able to enter. */
  cwd?: string;
  /** How it is asked to stop; SIGTERM by default. */
  stopSignal?: NodeJS.Signals;
}

/** A process of the service under test. It can be started, killed and restarted; its output is kept. */
export class Child {
  private process: ChildProcessByStdio<null, Readable, Readable> | undefined;
  private closed: Promise<void> = Promise.resolve();
  private readonly lines: string[] = [];

  constructor(
    private readonly spec: ChildSpec,
    private readonly guardian: Guardian,
  ) {}

  get name(): string {
    return this.spec.name;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    const child = this.process;
    return child && child.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  /** The last lines of stdout and stderr, over all starts. */
  get output(): string {
    return this.lines.join('\n');
  }

  private get lastWords(): string {
    return this.lines.slice(-printedLinesMax).join('\n');
  }

  /** Applies from the next start. A variable that is undefined is not set. */
  setEnv(more: NodeJS.ProcessEnv): void {
    Object.assign(this.spec.env, more);
  }

  /** Resolves with the line that says that it is ready. */
  async start(): Promise<string> {
    if (this.pid !== undefined) throw new Error(`${this.name} is already running`);
    const { command, args, readyWhen, user, cwd = root } = this.spec;
    const child = spawn(command, args, {
      ...user,
      cwd,
      env: this.spec.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = child;
    if (child.pid !== undefined) this.guardian.watch(this.name, child.pid);

    return new Promise<string>((resolve, reject) => {
      const fail = (how: string): void =>
        reject(new Error(`${this.name} ${how}. It said:\n${this.lastWords}`));
      const start = watchStart(child.pid ?? 0);
      const timer = setInterval(() => {
        const problem = start.problem();
        if (problem === undefined) return;
        clearInterval(timer);
        child.kill('SIGKILL');
        fail(problem);
      }, lookEveryMs);
      const hear = (line: string): void => {
        this.remember(line);
        start.moved();
        if (!readyWhen.test(line)) return;
        clearInterval(timer);
        resolve(line);
      };
      readline.createInterface({ input: child.stdout }).on('line', hear);
      readline.createInterface({ input: child.stderr }).on('line', hear);
      this.closed = new Promise((gone) => {
        const over = (how: string): void => {
          clearInterval(timer);
          this.remember(`(${this.name} ${how})`);
          if (child.pid !== undefined) this.guardian.forget(child.pid);
          fail(how);
          gone();
        };
        child.once('error', (error) => over(`could not be run: ${error.message}`));
        child.once('close', (code, signal) => over(`ended: ${signal ?? `exit ${code}`}`));
      });
    });
  }

  /** Sends any signal, and waits for the end if the signal ends a process. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.pid === undefined) return;
    this.process?.kill(signal);
    if (endingSignals.includes(signal)) await this.closed;
  }

  /** Resolves when it has ended, for any reason. */
  async ended(): Promise<void> {
    await this.closed;
  }

  /** Asks it to stop, and kills it after a while. Wakes a process that a test had stopped with SIGSTOP. */
  async stop(): Promise<void> {
    if (this.pid === undefined) return;
    const insist = setTimeout(() => this.process?.kill('SIGKILL'), stopGraceMs);
    this.process?.kill(this.spec.stopSignal ?? 'SIGTERM');
    this.process?.kill('SIGCONT');
    await this.closed;
    clearTimeout(insist);
  }

  private remember(line: string): void {
    this.lines.push(line);
    if (this.lines.length > outputLinesMax) this.lines.shift();
  }
}
