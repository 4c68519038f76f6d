import {
  closeSync,
  existsSync,
  ftruncateSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { SettingsError } from '../settings';

/** A line before the last is broken. No crash does that, so an operator must look at the file. */
export class UnreadableLedger extends Error {}

/** 256 KiB: few reads at a start after a long load test, and small enough for the CPU cache. */
const chunkBytes = 1 << 18;

/** Long enough to collect lines under load, and soon enough that a crash of a quiet sandbox forgets nothing. */
const soonMs = 20;

/**
 * An append-only file of JSON lines; a line is addressed by the offset of its first byte.
 *
 * A line is in the file when `append` returns, so it survives a crash of this process. It need not survive a crash of the
 * machine: fsync would make the sandbox the bottleneck of every load test. `appendSoon` is for lines whose loss does no
 * harm: they are written with the next line, or a moment later.
 *
 * A line counts only with its newline. What follows the last newline was being written when the process died, before any
 * response was sent, so it never happened: `takeOver` cuts it off.
 */
export class LedgerFile {
  readonly path: string;
  private readonly fd: number;
  /** Where the next line goes: the end of the last whole line. */
  private end = 0;
  /** Lines that are not in the file yet, and the end of those that are. */
  private waiting: Buffer[] = [];
  private written = 0;
  private timer: NodeJS.Timeout | undefined;
  private isOwned = false;

  constructor(dataDir: string) {
    this.path = join(dataDir, 'sandbox-ledger.jsonl');
    try {
      makeFolder(dataDir);
      this.fd = openSync(this.path, 'a+');
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      throw new SettingsError(
        'HOLDFAST_DATA_DIR',
        `is "${dataDir}", where the ledger cannot be written (${code})`,
        '.holdfast',
      );
    }
  }

  /** Visits every whole line from the first. Only reads: another process may still own the file. */
  replay(visit: (line: unknown, offset: number) => void): void {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    let rest = Buffer.alloc(0);
    for (let position = 0; ;) {
      const count = readSync(this.fd, chunk, 0, chunkBytes, position);
      if (count === 0) return;
      position += count;
      const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
      let start = 0;
      for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, start)) {
        const line = this.parse(bytes.toString('utf8', start, newline));
        // A last line that is garbage up to its newline is as incomplete as one without a newline.
        if (line === undefined) {
          if (position === fstatSync(this.fd).size && newline === bytes.length - 1) return;
          throw new UnreadableLedger(
            `${this.path} is damaged at byte ${this.end}: repair that line, or move the file away to start with an empty ledger`,
          );
        }
        visit(line, this.end);
        this.end += newline + 1 - start;
        start = newline + 1;
      }
      rest = Buffer.from(bytes.subarray(start));
    }
  }

  /** Claims the file for this process. Only after the port is bound: another sandbox may still be writing it. */
  takeOver(): void {
    if (this.isOwned) return;
    this.isOwned = true;
    this.written = this.end;
    const torn = fstatSync(this.fd).size - this.end;
    if (torn === 0) return;
    ftruncateSync(this.fd, this.end);
    console.warn(`${this.path}: cut off ${torn} bytes of a line that a crash left unfinished`);
  }

  /** Writes one line, after those that wait, and returns its offset. One that cannot be written (disk full) is removed. */
  append(line: object): number {
    const offset = this.add(line);
    try {
      this.flush();
    } catch (error) {
      this.waiting.pop();
      this.end = offset;
      throw error;
    }
    return offset;
  }

  appendSoon(line: object): number {
    const offset = this.add(line);
    // On a full disk it waits for the next line, which says so to its request.
    this.timer ??= setTimeout(() => {
      try {
        this.flush();
      } catch {
        this.timer = undefined;
      }
    }, soonMs);
    return offset;
  }

  /** Writes what waits; all of it or nothing. */
  flush(): void {
    if (this.waiting.length === 0) return;
    const bytes = this.waiting.length === 1 ? this.waiting[0]! : Buffer.concat(this.waiting);
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.fd, bytes, written);
    } catch (error) {
      ftruncateSync(this.fd, this.written);
      throw error;
    }
    this.written = this.end;
    this.waiting = [];
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private add(line: object): number {
    this.takeOver();
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    const offset = this.end;
    this.waiting.push(bytes);
    this.end += bytes.length;
    return offset;
  }

  /** Reads the line at an offset from `append` or `replay`. */
  read(offset: number): unknown {
    if (offset >= this.written) this.flush();
    for (let size = 4096; ; size *= 4) {
      const bytes = Buffer.allocUnsafe(size);
      const count = readSync(this.fd, bytes, 0, size, offset);
      const newline = bytes.subarray(0, count).indexOf(10);
      if (newline >= 0) return JSON.parse(bytes.toString('utf8', 0, newline));
      if (count < size) throw new Error(`Bug: no line at byte ${offset} of ${this.path}`);
    }
  }

  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.fd);
    }
  }

  private parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }
}

/** Makes a folder and its parents. Node's own `recursive` never returns where a parent answers ENOENT, as /proc does. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  makeFolder(dirname(dir));
  mkdirSync(dir);
}
