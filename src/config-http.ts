/** Settings of the HTTP server; read by config.ts. */
export interface HttpSettings {
  slowRequestMs: number;
  httpConnectionsMax: number;
  httpPipelinedMax: number;
  httpHeadersMs: number;
  httpRequestMs: number;
  httpStallMs: number;
}

interface IntegerReader {
  integer(name: string, fallback: number, range: { min: number; max: number }): number;
}

const hourMs = 3_600_000;

export const httpSettings = (read: IntegerReader): HttpSettings => ({
  // Above every wait that a setting bounds: a request that takes longer has no excuse and should be looked at.
  slowRequestMs: read.integer('SLOW_REQUEST_MS', 12_000, { min: 1, max: hourMs }),
  // An idle connection costs some 20 KiB, so these cost 200 MB; more clients than that are many replicas' work.
  httpConnectionsMax: read.integer('HTTP_CONNECTIONS_MAX', 10_000, { min: 1, max: 1_000_000 }),
  // Clients that pipeline at all send a handful. They are handled one after the other, so more would only wait here.
  httpPipelinedMax: read.integer('HTTP_PIPELINED_MAX', 32, { min: 1, max: 10_000 }),
  // Headers fit into one or two packets; a client that needs ten seconds for them holds a connection for nothing.
  httpHeadersMs: read.integer('HTTP_HEADERS_MS', 10_000, { min: 10, max: hourMs }),
  // 64 KiB, the largest body, in 30 s is slower than any line a shop's backend is on.
  httpRequestMs: read.integer('HTTP_REQUEST_MS', 30_000, { min: 10, max: hourMs }),
  // Above the longest silence that is allowed: `Prefer: wait=30`, and an audit of a large database.
  httpStallMs: read.integer('HTTP_STALL_MS', 120_000, { min: 10, max: hourMs }),
});
