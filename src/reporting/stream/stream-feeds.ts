import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { HoldfastError, internalError } from '../../errors';
import { outsideRequests } from '../../logger';
import { PeriodicTask } from '../../periodic/periodic-tasks';
import { type StreamEvent, StreamTopics } from '../../http/event-stream';

/** A little less than a second: timers are late, and there should be one update per second. */
const everyMs = 950;
/**
 * A topic that takes long is computed less often. Most of that time is waiting behind buyers, not work: with half the time
 * the overview moves every second in a sale that uses the whole machine; with a quarter it did not.
 */
const shareMax = 0.5;
/** Sent every second even when nothing changed, so that its readers know that the stream is alive. */
const pulse = 'overview';

export type Listener = (topic: string, event: StreamEvent) => void;

/** Computes each topic that has listeners once a second, writes it as JSON once and sends it to all of them. */
@Injectable()
export class StreamFeeds implements OnModuleDestroy {
  private readonly feeds = new Map<string, Feed>();

  constructor(private readonly topics: StreamTopics) {}

  isOffered(topic: string): boolean {
    return this.topics.find(topic) !== undefined;
  }

  /** Returns the function that ends it. */
  follow(topic: string, listener: Listener): () => void {
    const value = this.topics.find(topic);
    if (!value) throw new Error(`Bug: nobody offers ${topic}.`);
    const feed = this.feeds.get(topic) ?? new Feed(topic, value);
    this.feeds.set(topic, feed);
    feed.add(listener);
    return () => {
      if (feed.remove(listener) === 0 && this.feeds.get(topic) === feed) this.feeds.delete(topic);
    };
  }

  onModuleDestroy(): void {
    for (const feed of this.feeds.values()) feed.stop();
    this.feeds.clear();
  }
}

class Feed {
  private readonly logger = new Logger('stream');
  private readonly listeners = new Set<Listener>();
  private readonly task = new PeriodicTask({ name: 'stream', everyMs, run: () => this.round() });
  /** What was sent last, without its time. */
  private content: string | undefined;
  private event: StreamEvent = { data: '' };

  constructor(
    private readonly topic: string,
    private readonly value: () => Promise<unknown>,
  ) {}

  add(listener: Listener): void {
    this.listeners.add(listener);
    // A later listener does not wait for the next change.
    if (this.content !== undefined) listener(this.topic, this.event);
    outsideRequests(() => this.task.start());
  }

  /** Returns how many are left. */
  remove(listener: Listener): number {
    this.listeners.delete(listener);
    if (this.listeners.size === 0) this.stop();
    return this.listeners.size;
  }

  stop(): void {
    void this.task.stop();
  }

  /** Returns how many milliseconds it is until the next round. */
  private async round(): Promise<number> {
    const startedAt = performance.now();
    const content = await this.compute();
    if (content !== this.content || this.topic === pulse) this.send(content);
    const tookMs = performance.now() - startedAt;
    return Math.max(everyMs, tookMs / shareMax) - tookMs;
  }

  private send(content: string): void {
    this.content = content;
    const at = new Date().toISOString();
    const head = JSON.stringify({ topic: this.topic, at });
    this.event = { id: at, data: `${head.slice(0, -1)},${content.slice(1)}` };
    for (const listener of this.listeners) listener(this.topic, this.event);
  }

  private async compute(): Promise<string> {
    try {
      return JSON.stringify({ value: await this.value() });
    } catch (error) {
      if (!(error instanceof HoldfastError)) this.logger.error(error, this.topic);
      const { status, code, message } =
        error instanceof HoldfastError ? error : internalError('It was logged and will be tried again.');
      return JSON.stringify({ problem: { status, code, detail: message } });
    }
  }
}
