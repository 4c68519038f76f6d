import type { Progress } from './buyers';
import type { PlainSale } from './flash-report';

/** On a terminal the line is redrawn; in a file one line every few seconds is enough. */
const drawEveryMs = { terminal: 100, file: 5_000 };
const barWidth = 24;

/** One line with a progress bar and facts. */
export class ProgressLine {
  private drawnAt = 0;
  private drawn = false;

  constructor(
    private readonly title: string,
    private readonly out: NodeJS.WriteStream = process.stdout,
  ) {}

  /** `share` from 0 to 1. */
  show(share: number, facts: string): void {
    const now = performance.now();
    if (now - this.drawnAt < (this.out.isTTY ? drawEveryMs.terminal : drawEveryMs.file)) return;
    this.drawnAt = now;
    this.drawn = true;
    const line = `${this.title}  ${bar(share)}  ${facts}`;
    this.out.write(this.out.isTTY ? `\r\x1b[2K${line.slice(0, this.out.columns - 1)}` : `${line}\n`);
  }

  /** Replaces the bar by the result. */
  end(facts: string): void {
    const cleared = this.out.isTTY && this.drawn ? '\r\x1b[2K' : '';
    this.out.write(`${cleared}${this.title}  ${facts}\n`);
  }
}

export function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
  const percent = `${Math.round(100 * Math.min(1, Math.max(0, share)))} %`.padStart(5);
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}]${percent}`;
}

/** Messages for the process that started this one: four times a second, and at the end of each sale. */
export type ParentMessage = { selling: string; progress: Progress | undefined } | { sold: PlainSale };

/** Does nothing when there is no parent process. */
export function sendToParent(message: ParentMessage): void {
  process.send?.(message);
}
