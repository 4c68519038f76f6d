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

/** A ledger with a broken line before its last: no crash leaves that, so a person must look. */
export class UnreadableLedger extends Error {}

/** Big enough that a start after a long load test is a few thousand reads, small enough to stay in cache. */
const chunkBytes = 1 << 18;

/**
 * An append-only file of JSON lines; a line is addressed by the offset of its first byte.
 *
 * A line is in the file when `append` returns, so it survives the death of this process (of the machine
 * it need not: this is a sandbox, and fsync would make it the bottleneck of every load test).
 *
 * A line counts only with its newline. What follows the last newline was being written when the process
 * died, before any answer left, so it never happened: `takeOver` cuts it off.
 */
export class LedgerFile {
  readonly path: string;
  private readonly fd: number;
  /** Where the next line goes: the end of the last whole line. */
  private end = 0;
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
        // A last line that is garbage up to its newline is as torn as one without.
        if (line === undefined) {
          if (position === fstatSync(this.fd).size && newline === bytes.length - 1) return;
          throw new UnreadableLedger(
            `${this.path} is damaged at byte ${this.end}: repair that line, or move the file away to start anew`,
          );
        }
        visit(line, this.end);
        this.end += newline + 1 - start;
        start = newline + 1;
      }
      rest = Buffer.from(bytes.subarray(start));
    }
  }

  /** Makes the file this process's own, which a process that finds its port taken must not do. */
  takeOver(): void {
    if (this.isOwned) return;
    this.isOwned = true;
    const torn = fstatSync(this.fd).size - this.end;
    if (torn === 0) return;
    ftruncateSync(this.fd, this.end);
    console.warn(`${this.path}: cut off ${torn} bytes of a line that a crash left unfinished`);
  }

  /** Writes one line before it returns, and returns its offset. A line that does not fit is taken back whole. */
  append(line: object): number {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    this.takeOver();
    const offset = this.end;
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.fd, bytes, written);
    } catch (error) {
      ftruncateSync(this.fd, offset);
      throw error;
    }
    this.end += bytes.length;
    return offset;
  }

  /** Reads the line at an offset that `append` or `replay` gave out. */
  read(offset: number): unknown {
    for (let size = 4096; ; size *= 4) {
      const bytes = Buffer.allocUnsafe(size);
      const count = readSync(this.fd, bytes, 0, size, offset);
      const newline = bytes.subarray(0, count).indexOf(10);
      if (newline >= 0) return JSON.parse(bytes.toString('utf8', 0, newline));
      if (count < size) throw new Error(`Bug: no line at byte ${offset} of ${this.path}`);
    }
  }

  close(): void {
    closeSync(this.fd);
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
