import { until } from './until';

/** A reader of an event stream, like a browser's EventSource. */
export class EventStream {
  readonly received: any[] = [];
  readonly comments: string[] = [];
  /** What an EventSource sends when it reconnects. */
  lastEventId: string | undefined;
  retryMs: number | undefined;
  readonly ended: Promise<void>;
  private rest = '';

  private constructor(
    private readonly response: Response,
    private readonly aborter: AbortController,
  ) {
    this.ended = this.isStream ? this.read() : Promise.resolve();
  }

  static async open(url: string, headers: Record<string, string>): Promise<EventStream> {
    const aborter = new AbortController();
    const response = await fetch(url, { headers, signal: aborter.signal });
    return new EventStream(response, aborter);
  }

  get status(): number {
    return this.response.status;
  }

  get contentType(): string | null {
    return this.response.headers.get('content-type');
  }

  header(name: string): string | null {
    return this.response.headers.get(name);
  }

  private get isStream(): boolean {
    return this.contentType?.startsWith('text/event-stream') ?? false;
  }

  text(): Promise<string> {
    return this.response.text();
  }

  /** The first messages of a topic, once there are this many. */
  messages(topic: string, count: number): Promise<any[]> {
    return until(`${count} messages of ${topic}`, async () => {
      const own = this.received.filter((message) => message.topic === topic);
      return own.length >= count && own;
    });
  }

  leave(): void {
    this.aborter.abort();
  }

  private async read(): Promise<void> {
    try {
      for await (const chunk of this.response.body!.pipeThrough(new TextDecoderStream())) this.take(chunk);
    } catch {
      // Left, or cut off: what was received stays.
    }
  }

  private keep(event: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(event)?.[1];
    this.lastEventId = field('id') ?? this.lastEventId;
    this.received.push(JSON.parse(field('data')!));
  }

  private take(chunk: string): void {
    const events = (this.rest + chunk).split('\n\n');
    this.rest = events.pop()!;
    for (const event of events) {
      if (event.startsWith(':')) this.comments.push(event);
      else if (event.startsWith('retry:')) this.retryMs = Number(event.slice('retry:'.length));
      else this.keep(event);
    }
  }
}
