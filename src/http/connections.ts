import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Counter, Gauge } from 'prom-client';
import type { Config } from '../config/config';
import {
  type HoldfastError,
  headersTooLarge,
  malformedRequest,
  requestTimeout,
  tooManyPipelined,
} from '../errors';
import { problemBody } from './problem.filter';

/** Longer than the usual 60 s of load balancers, so that we never close a connection which they are about to use. */
const keepAliveMs = 72_000;
/** How often timeouts are checked. Node's default of 30 s would make each up to that much longer. */
const timeoutCheckMsMax = 1_000;
/** Node silently drops headers beyond its maximum, so we refuse instead. Browsers send about 20. */
const headersMax = 100;
/** Requests ignored after the one that closes the connection. One read from the kernel can hold this many. */
const ignoredMax = 4_096;
/** Time for the last response to arrive: closing while the client still sends would discard it. */
const lingerMs = 1_000;
const closeCheckMs = 100;

const openConnections = new Gauge({
  name: 'holdfast_http_connections',
  help: 'Open HTTP connections of this process.',
});
const refusedConnections = new Counter({
  name: 'holdfast_http_connections_refused_total',
  help: 'Connections closed at once because HTTP_CONNECTIONS_MAX were open.',
});
const endedConnections = new Counter({
  name: 'holdfast_http_connections_ended_total',
  help: 'Connections ended by this process: too many pipelined requests, a slow request, an unread response, or no HTTP.',
  labelNames: ['reason'],
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
type Limits = Pick<
  Config,
  'httpConnectionsMax' | 'httpPipelinedMax' | 'httpHeadersMs' | 'httpRequestMs' | 'httpStallMs'
>;

/**
 * An HTTP server that limits what a client may occupy: connections, the time for a request to arrive, pipelined requests,
 * and responses that it does not read.
 *
 * Node starts pipelined requests as soon as they are parsed, and one read from a socket can hold more than a thousand. Here
 * each connection is a queue: a request starts when the response before it was sent. A client that does not read
 * therefore costs one response, however many requests it sent.
 */
export function boundedServer(limits: Limits) {
  const connections = new WeakMap<Socket, Connection>();
  return {
    serverFactory(handler: Handler): Server {
      const server = createServer(
        {
          headersTimeout: limits.httpHeadersMs,
          requestTimeout: limits.httpRequestMs,
          keepAliveTimeout: keepAliveMs,
          connectionsCheckingInterval: Math.min(timeoutCheckMsMax, limits.httpHeadersMs),
        },
        (request, response) => connections.get(request.socket)?.take(request, response),
      );
      server.maxConnections = limits.httpConnectionsMax;
      server.maxHeadersCount = headersMax + 1;
      server.setTimeout(limits.httpStallMs, (socket) => {
        // The end of an idle keep-alive connection arrives here too and is not counted.
        if (connections.get(socket)?.hasPending) endedConnections.inc({ reason: 'stalled' });
        socket.destroy();
      });
      server.on('drop', () => refusedConnections.inc());
      server.on('connection', (socket: Socket) => {
        openConnections.inc();
        socket.once('close', () => openConnections.dec());
        connections.set(socket, new Connection(socket, handler, limits.httpPipelinedMax));
      });
      return server;
    },

    /** For requests that Node cannot parse, or that are too slow. There is only a socket to respond on. */
    clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
      const connection = connections.get(socket);
      if (!connection || error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
      // Browsers open connections in advance. An unused one is closed without a response.
      if (socket.bytesRead === 0) return void socket.destroy();
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
        return connection.refuse(
          requestTimeout('The request took too long to arrive. Send it again.'),
          'slow',
        );
      if (error.code === 'HPE_HEADER_OVERFLOW')
        return connection.refuse(headersTooLarge('Send at most 16 KiB of headers.'), 'unreadable');
      connection.refuse(malformedRequest('This is not a valid HTTP request.'), 'unreadable');
    },
  };
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  run: Handler;
}

/** One connection: the requests without a complete response, oldest first. Only the first is being handled. */
class Connection {
  private readonly pending: Exchange[] = [];
  /** Nothing more is read. `last` is sent after all pending responses. */
  private isClosing = false;
  private last: HoldfastError | undefined;
  private ignored = 0;

  constructor(
    private readonly socket: Socket,
    private readonly handler: Handler,
    private readonly pipelinedMax: number,
  ) {
    socket.once('close', () => {
      this.isClosing = true;
      this.pending.length = 0;
    });
  }

  get hasPending(): boolean {
    return this.pending.length > 0;
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    if (this.isClosing) return this.ignore();
    const run = request.rawHeaders.length > 2 * headersMax ? tooManyHeaders : this.handler;
    const exchange = { request, response, run };
    this.pending.push(exchange);
    response.once('close', () => this.finish(exchange));
    if (this.pending.length > this.pipelinedMax) {
      endedConnections.inc({ reason: 'pipelined' });
      exchange.run = refusePipelined;
      this.isClosing = true;
      this.socket.pause();
    }
    if (this.pending.length === 1) run(request, response);
  }

  /** Ends the connection with a problem, after the pending responses: clients match responses to requests by order. */
  refuse(problem: HoldfastError, reason: string): void {
    if (this.isClosing) return;
    endedConnections.inc({ reason });
    this.isClosing = true;
    this.socket.pause();
    const newest = this.pending.at(-1);
    // The body of this request is what failed, so the problem is its response.
    if (newest && !newest.request.complete) {
      if (newest.response.headersSent) return void this.socket.destroy();
      this.pending.pop();
    }
    this.last = problem;
    if (this.pending.length === 0) this.sendLast(problem);
  }

  private finish(exchange: Exchange): void {
    if (this.pending[0] !== exchange) return;
    this.pending.shift();
    const [next] = this.pending;
    if (next) next.run(next.request, next.response);
    else if (this.last) this.sendLast(this.last);
  }

  private ignore(): void {
    this.ignored += 1;
    this.socket.pause();
    if (this.ignored > ignoredMax) this.socket.destroy();
  }

  private sendLast(problem: HoldfastError): void {
    const { headers, body } = wireProblem(problem, '/');
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${lines.join('')}\r\n${body}`);
    setTimeout(() => this.socket.destroy(), lingerMs).unref();
  }
}

/**
 * Closes the server as soon as every request has its response. Node alone waits longer: forever for a connection without
 * a request (browsers open some in advance), and the whole keep-alive time for one whose response came after the close.
 */
export function closeWhenAnswered(fastify: FastifyInstance): void {
  const { server } = fastify;
  const sockets = new Set<Socket>();
  let closing = false;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done();
  });
  fastify.addHook('preClose', async () => {
    closing = true;
    if (!server.listening) return;
    const check = setInterval(() => {
      server.closeIdleConnections();
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    }, closeCheckMs);
    server.once('close', () => clearInterval(check));
  });
}

const refusePipelined: Handler = ({ url = '/' }, response) =>
  respond(
    response,
    tooManyPipelined(
      'Too many requests were sent ahead on this connection. Wait for responses, or open more connections.',
    ),
    url,
  );

const tooManyHeaders: Handler = ({ url = '/' }, response) =>
  respond(response, headersTooLarge(`Send at most ${headersMax} headers.`), url);

function respond(response: ServerResponse, problem: HoldfastError, url: string): void {
  const { headers, body } = wireProblem(problem, url);
  response.writeHead(problem.status, headers).end(body);
}

function wireProblem(problem: HoldfastError, url: string) {
  const id = crypto.randomUUID();
  const body = JSON.stringify(problemBody(problem, { url, id }));
  const headers = {
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'x-request-id': id,
    ...(problem.retryAfterSeconds === undefined ? {} : { 'retry-after': String(problem.retryAfterSeconds) }),
    connection: 'close',
  };
  return { headers, body };
}
