import type { Reader } from './settings-reader';

/** Settings of the HTTP server and of event streams; read by config.ts. */
export interface HttpSettings {
  slowRequestMs: number;
  httpConnectionsMax: number;
  httpPipelinedMax: number;
  httpHeadersMs: number;
  httpRequestMs: number;
  httpStallMs: number;
  streamsMax: number;
  streamsPerKeyMax: number;
  streamHeartbeatMs: number;
  streamCheckMs: number;
  waitsPerKeyMax: number;
}

const hourMs = 3_600_000;

export const httpSettings = (read: Pick<Reader, 'integer'>): HttpSettings => ({
  // Above every wait that a setting bounds: a request that takes longer has no excuse and should be looked at.
  slowRequestMs: read.integer('SLOW_REQUEST_MS', 12_000, { min: 1, max: hourMs }),
  // An idle connection costs some 20 KiB, so these cost 200 MB; more clients than that need more replicas.
  httpConnectionsMax: read.integer('HTTP_CONNECTIONS_MAX', 10_000, { min: 1, max: 1_000_000 }),
  // Clients that pipeline at all send a handful. They are handled one after the other, so more would only wait here.
  httpPipelinedMax: read.integer('HTTP_PIPELINED_MAX', 32, { min: 1, max: 10_000 }),
  // Headers fit into one or two packets; a client that needs ten seconds for them holds a connection for nothing.
  httpHeadersMs: read.integer('HTTP_HEADERS_MS', 10_000, { min: 10, max: hourMs }),
  // 64 KiB, the largest body, in 30 s is slower than any line a shop's backend is on.
  httpRequestMs: read.integer('HTTP_REQUEST_MS', 30_000, { min: 10, max: hourMs }),
  // Above the longest silence that is allowed: `Prefer: wait=30`, and an audit of a large database.
  httpStallMs: read.integer('HTTP_STALL_MS', 120_000, { min: 10, max: hourMs }),
  // Each costs a connection and a few KiB, and one query watches all of them.
  streamsMax: read.integer('STREAMS_MAX', 1_000, { min: 1, max: 100_000 }),
  // A quarter: one key cannot take them all, and a shop that follows every order of a sale needs some.
  streamsPerKeyMax: read.integer('STREAMS_PER_KEY_MAX', 250, { min: 1, max: 100_000 }),
  // Proxies end what is silent for longer than 15 to 60 s.
  streamHeartbeatMs: read.integer('STREAM_HEARTBEAT_MS', 10_000, { min: 10, max: 600_000 }),
  // One query for all streams; a revoked key works for a few seconds more, as it does for requests.
  streamCheckMs: read.integer('STREAM_CHECK_MS', 2_000, { min: 10, max: 600_000 }),
  // All who wait are watched by one query every 40 ms, which this many ids do not slow down.
  waitsPerKeyMax: read.integer('WAITS_PER_KEY_MAX', 1_000, { min: 1, max: 100_000 }),
});
