import type { ServerResponse } from 'node:http';

/** Proxies end what is silent for longer. */
const commentEveryMs = 10_000;
/** Sign-outs, expiries and revocations are found out within this. */
const sessionCheckEveryMs = 2_000;
/** Whoever takes nothing for so long is not there any more. */
const stalledMsMax = 60_000;

/**
 * One browser's event stream. However slowly it reads, it costs no more than one message for each of its topics: a newer
 * one takes the place of the one that waits, which nobody needs any more.
 */
export class StreamConnection {
  private readonly waiting = new Map<string, string>();
  private readonly timers: NodeJS.Timeout[] = [];
  private stalledSince: number | undefined;
  private ended = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly onEnd: () => void,
  ) {
    response.on('close', () => this.finish());
    // Gone before we began.
    if (response.destroyed) queueMicrotask(() => this.finish());
    response.on('drain', () => {
      this.stalledSince = undefined;
      this.flush();
    });
  }

  /** `isAllowed` is asked now and then; the first no ends the stream. */
  open(headers: Record<string, string>, isAllowed: () => Promise<boolean>): void {
    this.response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Or the connection would outlive the stream, and a process that ends would wait for it.
      connection: 'close',
      // For nginx, which would keep back what is small.
      'x-accel-buffering': 'no',
      ...headers,
    });
    this.timers.push(
      setInterval(() => this.comment(), commentEveryMs),
      setInterval(() => {
        isAllowed().then(
          (allowed) => !allowed && this.sayGoodbye(),
          // While the database is away nobody's session can be told from an ended one; nothing else is told either.
          () => undefined,
        );
      }, sessionCheckEveryMs),
    );
  }

  readonly send = (topic: string, message: string): void => {
    // Taken out first, so that topics are told in the order of their news.
    this.waiting.delete(topic);
    this.waiting.set(topic, message);
    this.flush();
  };

  end(): void {
    if (!this.ended) this.response.end();
    this.finish();
  }

  private sayGoodbye(): void {
    const message = { topic: 'bye', at: new Date().toISOString(), value: { reason: 'session-ended' } };
    this.waiting.clear();
    if (!this.ended) this.response.write(`data: ${JSON.stringify(message)}\n\n`);
    this.end();
  }

  private comment(): void {
    if (this.stalledSince === undefined) this.write(': still here\n\n');
    else if (performance.now() - this.stalledSince > stalledMsMax) this.response.destroy();
  }

  private flush(): void {
    for (const [topic, message] of this.waiting) {
      if (this.ended || this.stalledSince !== undefined) return;
      this.waiting.delete(topic);
      this.write(`data: ${message}\n\n`);
    }
  }

  private write(text: string): void {
    if (!this.response.write(text)) this.stalledSince = performance.now();
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.timers.forEach((timer) => clearInterval(timer));
    this.waiting.clear();
    this.onEnd();
  }
}
