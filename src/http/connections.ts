import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
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

/** Longer than the 60 s of the usual load balancers, so that they and not we close a connection they want to use again. */
const keepAliveMs = 72_000;
/** How often slow requests are looked for; Node's own 30 s would make every timeout up to that much longer. */
const timeoutCheckMsMax = 1_000;
/** Node silently drops headers beyond its maximum, which might be the one that matters. Browsers send some 20. */
const headersMax = 100;
/** Requests after the one that closes its connection are not read. One chunk from the kernel can hold this many. */
const ignoredMax = 4_096;
/** The last response is given time to arrive: closing while the client still sends would throw it away. */
const lingerMs = 1_000;

const openConnections = new Gauge({
  name: 'holdfast_http_connections',
  help: 'Open HTTP connections of this process.',
});
const refusedConnections = new Counter({
  name: 'holdfast_http_connections_refused_total',
  help: 'Connections that were closed at once because HTTP_CONNECTIONS_MAX were open.',
});
const endedConnections = new Counter({
  name: 'holdfast_http_connections_ended_total',
  help: 'Connections that this process ended: too many pipelined requests, too slow a request, an unread response, or no HTTP.',
  labelNames: ['reason'],
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
type Limits = Pick<
  Config,
  'httpConnectionsMax' | 'httpPipelinedMax' | 'httpHeadersMs' | 'httpRequestMs' | 'httpStallMs'
>;

/**
 * The HTTP server, with a bound on everything that a client may hold: connections, the time for a request to arrive,
 * requests sent ahead, and responses that it does not read.
 *
 * Node starts pipelined requests as they are parsed, and a single read from a socket can hold more than a thousand of
 * them. Here each connection is a queue: a request starts when the response before it has left for the client. A client
 * that does not read therefore costs one response, however much it asked for.
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
        // Node's end of an idle keep-alive connection comes here too, and is no trouble.
        if (connections.get(socket)?.owesResponse) endedConnections.inc({ reason: 'stalled' });
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

    /** For what Node cannot read, or not in time: there is no reply to send with, only a socket. */
    clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
      const connection = connections.get(socket);
      if (!connection || error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
      // Browsers open connections in advance; the one that is never used is closed without a word.
      if (socket.bytesRead === 0) return void socket.destroy();
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
        return connection.refuse(
          requestTimeout('The request took too long to arrive. Send it again.'),
          'slow',
        );
      if (error.code === 'HPE_HEADER_OVERFLOW')
        return connection.refuse(headersTooLarge('Send at most 16 KiB of headers.'), 'unreadable');
      connection.refuse(malformedRequest('This is no HTTP request that can be read.'), 'unreadable');
    },
  };
}

interface Turn {
  request: IncomingMessage;
  response: ServerResponse;
  run: Handler;
}

/** One connection: the requests whose responses are owed, oldest first. Only the first is at work. */
class Connection {
  private readonly owed: Turn[] = [];
  /** Nothing more is read; `last` is said when nothing is owed any more. */
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
      this.owed.length = 0;
    });
  }

  get owesResponse(): boolean {
    return this.owed.length > 0;
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    if (this.isClosing) return this.ignore();
    const run = request.rawHeaders.length > 2 * headersMax ? tooManyHeaders : this.handler;
    const turn = { request, response, run };
    this.owed.push(turn);
    response.once('close', () => this.finish(turn));
    if (this.owed.length > this.pipelinedMax) {
      endedConnections.inc({ reason: 'pipelined' });
      turn.run = refusePipelined;
      this.isClosing = true;
      this.socket.pause();
    }
    if (this.owed.length === 1) run(request, response);
  }

  /** Ends the connection with a problem, after what is owed: a client takes responses for those to its requests, in order. */
  refuse(problem: HoldfastError, reason: string): void {
    if (this.isClosing) return;
    endedConnections.inc({ reason });
    this.isClosing = true;
    this.socket.pause();
    const newest = this.owed.at(-1);
    // What went wrong is the body of this one, so this problem is its response.
    if (newest && !newest.request.complete) {
      if (newest.response.headersSent) return void this.socket.destroy();
      this.owed.pop();
    }
    this.last = problem;
    if (this.owed.length === 0) this.sayLast(problem);
  }

  private finish(turn: Turn): void {
    const wasAtWork = this.owed[0] === turn;
    if (!wasAtWork) return;
    this.owed.shift();
    const [next] = this.owed;
    if (next) next.run(next.request, next.response);
    else if (this.last) this.sayLast(this.last);
  }

  private ignore(): void {
    this.ignored += 1;
    this.socket.pause();
    if (this.ignored > ignoredMax) this.socket.destroy();
  }

  private sayLast(problem: HoldfastError): void {
    const { headers, body } = wireProblem(problem, '/');
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${lines.join('')}\r\n${body}`);
    setTimeout(() => this.socket.destroy(), lingerMs).unref();
  }
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
