import type { ContentionHistory } from './contention';
import type { LoadTest } from './load-tests';
import type { Overview } from './overview';

/**
 * `GET /v1/admin/stream?topics=overview&topics=order%3Aord_…`: `text/event-stream`, one `topics` per topic, at most 8.
 * Each event is unnamed (`onmessage`) and its data is one `StreamMessage` as JSON. Whole values, at most one message per
 * topic and second; a value that is still the same is not sent again, but for `overview`, which comes every second and
 * so tells that the stream lives. Every 10 s a comment line. An unknown topic or a bad argument: 422 before the stream.
 */
export type StreamMessage =
  | { topic: 'hello'; at: string; value: StreamHello }
  | { topic: 'overview'; at: string; value: Overview }
  | { topic: `run:${string}`; at: string; value: LoadTest }
  | { topic: `contention:${string}`; at: string; value: ContentionHistory }
  /** `product:{sku}`, `order:{id}`, `reservations:{query string of the list's filters}`, `review`: see desk.ts. */
  | { topic: string; at: string; value: unknown }
  /** A topic that could not be computed this time; the stream goes on. */
  | { topic: string; at: string; problem: { status: number; code: string; detail: string } }
  /** The last message: signed out, expired, or the key was revoked. Do not reconnect; ask for the key. */
  | { topic: 'bye'; at: string; value: { reason: 'session-ended' } };

/** The first message of every stream. */
export interface StreamHello {
  version: string;
  build: string;
  expiresInSeconds: number;
}
