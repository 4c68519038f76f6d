import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';

const script = path.resolve(__dirname, '..', '..', 'scripts', 'guardian.mjs');

/** Stops what a test has started, even if the test's process is killed: see scripts/guardian.mjs. */
export class Guardian {
  private readonly child: ChildProcess;

  constructor() {
    this.child = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    this.child.stdin?.on('error', () => undefined);
    this.child.unref();
    (this.child.stdin as unknown as { unref(): void }).unref();
  }

  watch(name: string, pid: number): void {
    this.tell({ watch: { name, pid, rank: 0, escalation: 'atOnce' } });
  }

  forget(pid: number): void {
    this.tell({ forget: pid });
  }

  removeDir(dir: string): void {
    this.tell({ removeDir: dir });
  }

  /** Stops everything that is still watched, and removes the folders. */
  dismiss(): void {
    this.child.stdin?.end();
  }

  private tell(message: object): void {
    this.child.stdin?.write(`${JSON.stringify(message)}\n`);
  }
}
