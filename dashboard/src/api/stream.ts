import { BACK_FOR_MS, type Connection, LATE_AFTER_MS, LOST_AFTER_MS, retryDelay } from './connection';
import type { StreamHello, StreamMessage } from './openapi';

/** A hidden tab closes its connection: browsers allow six per host, so a seventh tab would wait forever. */
const HIDDEN_FOR_MS = 60_000;

/** A page change adds and removes several topics; this wait lets the stream reopen once for all of them. */
const SETTLE_MS = 30;

type TopicListener = (value: unknown, at: string) => void;

interface StreamHandlers {
  onHello(hello: StreamHello): void;
  /** The stream is open again after it was lost: everything on the screen must be refetched. */
  onBack(): void;
  onSessionEnded(): void;
  /** The stream broke, and EventSource does not say why: true when the session has ended. */
  isSignedOut(): Promise<boolean>;
}

/** One EventSource per tab: it carries the topics on the screen and reconnects automatically. */
export class Stream {
  private source: EventSource | null = null;
  private readonly topics = new Map<string, Set<TopicListener>>();
  private readonly listeners = new Set<() => void>();
  private state: Connection = {
    phase: 'connecting',
    heardAt: null,
    heardClock: null,
    nextTryAt: null,
    missedSeconds: 0,
  };
  private failures = 0;
  private settle: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private ticker: ReturnType<typeof setInterval> | undefined;
  private hidden: ReturnType<typeof setTimeout> | undefined;
  private openedAt = 0;
  private backUntil = 0;
  private lostSince: number | null = null;
  private paused = false;
  private stopped = true;

  constructor(private readonly watcher: StreamHandlers) {}

  start(): void {
    this.stopped = false;
    this.ticker = setInterval(this.checkSilence, 500);
    document.addEventListener('visibilitychange', this.onVisibility);
    this.open();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.ticker);
    for (const timer of [this.settle, this.retry, this.hidden]) clearTimeout(timer);
    document.removeEventListener('visibilitychange', this.onVisibility);
    this.close();
  }

  /** Subscribes to a topic until the returned function is called. */
  listen(topic: string, listener: TopicListener): () => void {
    const known = this.topics.get(topic) ?? new Set();
    if (known.size === 0) this.reopenSoon();
    this.topics.set(topic, known.add(listener));
    return () => {
      known.delete(listener);
      if (known.size > 0) return;
      this.topics.delete(topic);
      this.reopenSoon();
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Connection => this.state;

  readonly tryNow = (): void => {
    clearTimeout(this.retry);
    this.open();
  };

  private reopenSoon(): void {
    if (this.stopped || this.paused) return;
    clearTimeout(this.settle);
    // A planned reconnect reads the topics when it opens.
    if (this.state.nextTryAt === null) this.settle = setTimeout(() => this.open(), SETTLE_MS);
  }

  private open(): void {
    if (this.stopped) return;
    this.close();
    if (this.state.nextTryAt !== null) this.set({ nextTryAt: null });
    const query = [...this.topics.keys()].map((topic) => `topics=${encodeURIComponent(topic)}`).join('&');
    const source = new EventSource(`/v1/admin/stream?${query}`);
    this.source = source;
    this.openedAt = performance.now();
    source.onmessage = ({ data }: MessageEvent<string>) => this.receive(JSON.parse(data) as StreamMessage);
    source.onerror = () => {
      if (this.source === source) void this.onBroken();
    };
  }

  private close(): void {
    this.source?.close();
    this.source = null;
  }

  private receive(message: StreamMessage): void {
    if (message.topic === 'bye') {
      this.stop();
      this.watcher.onSessionEnded();
      return;
    }
    if (!('value' in message)) return;
    if (message.topic === 'hello') this.watcher.onHello(message.value as StreamHello);
    if (message.topic === 'overview') this.markLive();
    for (const listener of this.topics.get(message.topic) ?? []) listener(message.value, message.at);
  }

  /**
   * The overview arrives every second, so it is the heartbeat. A stream that is open but sends no numbers is as useless as
   * one that broke.
   */
  private markLive(): void {
    const now = performance.now();
    const wasLost = this.state.phase === 'lost';
    const missedSeconds = wasLost ? (now - (this.lostSince ?? now)) / 1000 : this.state.missedSeconds;
    if (wasLost) this.backUntil = now + BACK_FOR_MS;
    this.failures = 0;
    this.lostSince = null;
    const phase = now < this.backUntil ? 'back' : 'live';
    this.set({ phase, heardAt: now, heardClock: Date.now(), nextTryAt: null, missedSeconds });
    if (wasLost) this.watcher.onBack();
  }

  private async onBroken(): Promise<void> {
    this.close();
    this.markLost();
    const delay = retryDelay(this.failures);
    this.failures += 1;
    this.set({ nextTryAt: performance.now() + delay });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), delay);
    if (!(await this.watcher.isSignedOut()) || this.stopped) return;
    this.stop();
    this.watcher.onSessionEnded();
  }

  private markLost(): void {
    if (this.state.phase === 'lost') return;
    this.lostSince = this.state.heardAt ?? performance.now();
    this.set({ phase: 'lost' });
  }

  /** Silence is measured by the clock: a connection that died silently looks like one with nothing to send. */
  private readonly checkSilence = (): void => {
    const now = performance.now();
    const { phase, heardAt } = this.state;
    if (this.paused || this.source === null) return;
    // A new connection gets the full time.
    if (now - Math.max(heardAt ?? 0, this.openedAt) >= LOST_AFTER_MS) void this.onBroken();
    else if (phase === 'lost' || heardAt === null) return;
    else if (now - heardAt >= LATE_AFTER_MS) this.set({ phase: 'late' });
    else this.set({ phase: now < this.backUntil ? 'back' : 'live' });
  };

  private readonly onVisibility = (): void => {
    clearTimeout(this.hidden);
    if (document.visibilityState === 'hidden') {
      this.hidden = setTimeout(() => {
        this.paused = true;
        clearTimeout(this.retry);
        this.close();
      }, HIDDEN_FOR_MS);
    } else if (this.paused) {
      this.paused = false;
      this.markLost();
      this.open();
    }
  };

  private set(change: Partial<Connection>): void {
    const next = { ...this.state, ...change };
    const same = (Object.keys(next) as (keyof Connection)[]).every((name) => next[name] === this.state[name]);
    if (same) return;
    this.state = next;
    for (const listener of this.listeners) listener();
  }
}
