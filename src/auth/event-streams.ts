import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Gauge } from 'prom-client';
import { CONFIG, type Config } from '../config/config';
import { refusal, unavailable } from '../errors';
import { outsideRequests } from '../logger';
import { ApiKeys, type Principal } from './api-keys';
import type { Authenticated, Credential } from './auth.guard';
import { EventStream, type StreamEvent } from '../http/event-stream';
import { Sessions } from './sessions';

export const tooManyStreams = refusal(429, 'too_many_streams', 'The key has too many event streams', {
  retryable: true,
  retryAfterSeconds: 5,
});

const openStreams = new Gauge({
  name: 'holdfast_event_streams',
  help: 'Open event streams of this process, with the requests that wait for events.',
});
const refusedStreams = new Counter({
  name: 'holdfast_event_streams_refused_total',
  help: 'Event streams refused because of the limit per key (429) or per process (503).',
  labelNames: ['limit'],
});

/** A stream, or a request that waits for events. */
interface Held {
  end: (last?: StreamEvent) => void;
}

interface Reader {
  principal: Principal;
  credential: Credential;
  goodbye: StreamEvent | undefined;
}

export interface StreamOptions {
  /** The last event when the key or session has ended. */
  goodbye?: StreamEvent;
  onEnd: () => void;
}

/**
 * The event streams of this process: limits their number, and ends those whose key or session has ended.
 *
 * One query every STREAM_CHECK_MS checks all keys and sessions. While the database is away, streams stay open: there is
 * nothing new to read.
 */
@Injectable()
export class EventStreams implements OnModuleDestroy {
  private readonly readers = new Map<Held, Reader>();
  private readonly ofKeys = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly keys: ApiKeys,
    private readonly sessions: Sessions,
  ) {}

  /** Turns the reply into a stream, or throws. Not for HEAD, which `HeadOfStreams` answers. */
  begin(request: FastifyRequest, reply: FastifyReply, options: StreamOptions): EventStream {
    this.refuseTooMany(request);
    reply.hijack();
    const stream = new EventStream(reply.raw, () => {
      release();
      options.onEnd();
    });
    const release = this.add(request, stream, options.goodbye);
    const headers = { 'x-request-id': request.id, 'x-content-type-options': 'nosniff' };
    stream.open(headers, this.config.streamHeartbeatMs);
    return stream;
  }

  /**
   * Counts a request that waits for events as a stream, or throws. `end` is called when it must not wait any longer. Returns
   * how to say that it has ended.
   */
  hold(request: FastifyRequest, end: () => void): () => void {
    this.refuseTooMany(request);
    return this.add(request, { end });
  }

  private add({ principal, credential }: Authenticated, held: Held, goodbye?: StreamEvent): () => void {
    const { name } = principal!;
    this.readers.set(held, { principal: principal!, credential: credential!, goodbye });
    this.ofKeys.set(name, (this.ofKeys.get(name) ?? 0) + 1);
    openStreams.inc();
    this.timer ??= outsideRequests(() => this.schedule());
    return () => {
      if (!this.readers.delete(held)) return;
      openStreams.dec();
      const left = this.ofKeys.get(name)! - 1;
      if (left > 0) this.ofKeys.set(name, left);
      else this.ofKeys.delete(name);
    };
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const held of [...this.readers.keys()]) held.end();
  }

  private refuseTooMany({ principal, credential }: Authenticated): void {
    if (!principal || !credential) throw new Error('Bug: this stream has no authenticated caller.');
    const { streamsMax, streamsPerKeyMax } = this.config;
    const own = this.ofKeys.get(principal.name) ?? 0;
    if (own >= streamsPerKeyMax) {
      refusedStreams.inc({ limit: 'key' });
      throw tooManyStreams(
        `This key has ${own} event streams open at this process, the most that one key may have. Close some, or poll.`,
      );
    }
    if (!this.stopped && this.readers.size < streamsMax) return;
    refusedStreams.inc({ limit: 'process' });
    throw unavailable('This process serves as many event streams as it can. Try again in a second.');
  }

  private schedule(): NodeJS.Timeout {
    return setTimeout(() => {
      void this.check().finally(() => {
        this.timer = this.readers.size > 0 && !this.stopped ? this.schedule() : undefined;
      });
    }, this.config.streamCheckMs);
  }

  private async check(): Promise<void> {
    const readers = [...this.readers];
    try {
      const credentials = readers.map(([, { credential }]) => credential);
      const found = await this.found(credentials);
      for (const [held, { principal, credential, goodbye }] of readers) {
        const now = found.get(credential.sha256);
        // With another name or role it would see other things.
        if (now?.name !== principal.name || now.role !== principal.role) held.end(goodbye);
      }
    } catch {
      // The database is away. The next check is soon enough.
    }
  }

  private async found(credentials: Credential[]): Promise<Map<string, Principal>> {
    const digests = (kind: Credential['kind']) => [
      ...new Set(credentials.filter((one) => one.kind === kind).map(({ sha256 }) => sha256)),
    ];
    const byKey = await this.keys.findAllNow(digests('key'));
    const bySession = await this.sessions.findAll(digests('session'));
    return new Map([...byKey, ...bySession]);
  }
}
