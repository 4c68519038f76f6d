import type { ServerResponse } from 'node:http';

export interface StreamEvent {
  /** Comes back as `Last-Event-ID` when the client connects again. */
  id?: string;
  type?: string;
  data: string;
}

/** Heartbeats that a client may leave unread before it is taken for gone. */
const unreadHeartbeatsMax = 6;
/** Spread, so that the clients of a process that ended do not all come back in the same instant. */
const retryMs = { min: 1_000, max: 3_000 };

/**
 * The response that carries server-sent events. However slowly a client reads, it costs one event per key: a newer one
 * replaces the one that waits, so events must be whole values. A client that reads nothing is dropped.
 */
export class EventStream {
  private readonly waiting = new Map<string, string>();
  private heartbeat: NodeJS.Timeout | undefined;
  private unreadHeartbeats = 0;
  private isFull = false;
  private ended = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly onEnd: () => void,
  ) {
    response.on('close', () => this.finish());
    // Gone before we began.
    if (response.destroyed) queueMicrotask(() => this.finish());
    response.on('drain', () => {
      this.isFull = false;
      this.unreadHeartbeats = 0;
      this.flush();
    });
  }

  open(headers: Record<string, string>, heartbeatMs: number): void {
    const all = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // Or the connection would outlive the stream, and a process that ends would wait for it.
      connection: 'close',
      // For nginx, which would keep back what is small.
      'x-accel-buffering': 'no',
      ...headers,
    };
    for (const [name, value] of Object.entries(all)) this.response.setHeader(name, value);
    this.response.writeHead(200);
    this.write(`retry: ${Math.round(retryMs.min + Math.random() * (retryMs.max - retryMs.min))}\n\n`);
    this.heartbeat = setInterval(() => this.beat(), heartbeatMs);
  }

  send(key: string, event: StreamEvent): void {
    if (this.ended) return;
    // Deleted first, so that keys are sent in the order of their news.
    this.waiting.delete(key);
    this.waiting.set(key, textOf(event));
    this.flush();
  }

  /** Sends what waits, then ends: everything was said. */
  complete(): void {
    if (this.ended) return;
    for (const text of this.waiting.values()) this.response.write(text);
    this.response.end();
    this.finish();
  }

  /** Ends at once, with a last event or without; what waits is not sent. */
  end(last?: StreamEvent): void {
    if (this.ended) return;
    this.response.end(last && textOf(last));
    this.finish();
  }

  private beat(): void {
    if (!this.isFull) return this.write(': still here\n\n');
    this.unreadHeartbeats += 1;
    if (this.unreadHeartbeats >= unreadHeartbeatsMax) this.response.destroy();
  }

  private flush(): void {
    for (const [key, text] of this.waiting) {
      if (this.ended || this.isFull) return;
      this.waiting.delete(key);
      this.write(text);
    }
  }

  private write(text: string): void {
    if (!this.response.write(text)) this.isFull = true;
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.heartbeat);
    this.waiting.clear();
    this.onEnd();
  }
}

/** JSON has no line break in it, so an event's data is one line. */
function textOf({ id, type, data }: StreamEvent): string {
  const fields = [id && `id: ${id}`, type && `event: ${type}`, `data: ${data}`];
  return `${fields.filter(Boolean).join('\n')}\n\n`;
}
