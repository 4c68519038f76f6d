import net from 'node:net';
import tls from 'node:tls';

/**
 * A minimal HTTP/1.1 client, for webhooks here and for the buyers of load tests: on a machine that also runs the service,
 * the CPU that they use is missing there, and Node's own client takes several times as much. Connections stay open and
 * carry one request at a time.
 */
export interface WireResponse {
  status: number;
  head: string;
  body: Buffer;
}

/** The connection ended, or was silent for too long, before a response. The result of the request is unknown. */
export class ConnectionLost extends Error {}

/** The value of a header, by its lower-case name. */
export function headerOf({ head }: WireResponse, name: string): string | undefined {
  return new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]?.trim();
}

interface Head {
  status: number;
  text: string;
  length: number;
  chunked: boolean;
}

/** What ends with its connection: HTTP/1.0, or a body without a length, which nobody here reads. */
const isLast = ({ head }: WireResponse): boolean =>
  /^HTTP\/1\.0|^connection: *close/im.test(head) ||
  !/^(content-length:|transfer-encoding:|HTTP\/1\.1 [23]04)/im.test(head);

const endOfHead = '\r\n\r\n';

/** Assembles responses from pieces of any size. */
export class ResponseReader {
  private unread: Buffer = Buffer.alloc(0);
  private head: Head | undefined;

  /** The response that this piece completes, if any. */
  push(piece: Buffer): WireResponse | undefined {
    this.unread = this.unread.length === 0 ? piece : Buffer.concat([this.unread, piece]);
    this.head ??= this.readHead();
    if (this.head === undefined) return undefined;
    const { status, text, length, chunked } = this.head;
    const whole = chunked ? dechunked(this.unread) : sliced(this.unread, length);
    if (whole === undefined) return undefined;
    this.unread = this.unread.subarray(whole.end);
    this.head = undefined;
    return { status, head: text, body: whole.body };
  }

  private readHead(): Head | undefined {
    for (;;) {
      const end = this.unread.indexOf(endOfHead);
      if (end === -1) return undefined;
      const text = this.unread.toString('latin1', 0, end);
      this.unread = this.unread.subarray(end + endOfHead.length);
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]);
      if (!status) throw new ConnectionLost(`Not HTTP/1: ${text.slice(0, 80)}`);
      // Skips "100 Continue" and the like, which precede the response.
      if (status < 200) continue;
      const length = /^content-length: *(\d+)/im.exec(text)?.[1];
      const chunked = /^transfer-encoding:.*chunked/im.test(text);
      const hasBody = status !== 204 && status !== 304;
      return { status, text, length: hasBody ? Number(length ?? 0) : 0, chunked: chunked && hasBody };
    }
  }
}

const sliced = (buffer: Buffer, length: number) =>
  buffer.length < length ? undefined : { body: buffer.subarray(0, length), end: length };

function dechunked(buffer: Buffer): { body: Buffer; end: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = buffer.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = parseInt(buffer.toString('latin1', at, lineEnd), 16);
    const start = lineEnd + 2;
    const end = start + size + 2;
    if (buffer.length < end) return undefined;
    if (size === 0) return { body: Buffer.concat(chunks), end };
    chunks.push(buffer.subarray(start, start + size));
    at = end;
  }
}

class Connection {
  private readonly socket: net.Socket;
  private readonly reader = new ResponseReader();
  private pending: { resolve: (answer: WireResponse) => void; reject: (error: Error) => void } | undefined;

  constructor(url: URL, silenceMs: number) {
    const secure = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const address = { host, port: Number(url.port) || (secure ? 443 : 80) };
    this.socket = secure ? tls.connect({ ...address, servername: host }) : net.connect(address);
    this.socket.setNoDelay(true);
    this.socket.setTimeout(silenceMs, () => this.pending && this.socket.destroy());
    this.socket.on('data', (piece: Buffer) => this.receive(piece));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => this.pending?.reject(new ConnectionLost('The connection ended.')));
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  send(request: string): Promise<WireResponse> {
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(piece: Buffer): void {
    try {
      const answer = this.reader.push(piece);
      if (answer === undefined) return;
      const { resolve } = this.pending!;
      this.pending = undefined;
      if (isLast(answer)) this.socket.destroy();
      resolve(answer);
    } catch {
      this.socket.destroy();
    }
  }
}

/** A pool of connections; requests beyond `max` wait. */
export class Connections {
  private readonly idle: Connection[] = [];
  private readonly waiting: ((connection: Connection) => void)[] = [];
  private open = 0;

  constructor(
    private readonly url: URL,
    private readonly max: number,
    /** A request counts as lost after this long without a byte. */
    private readonly silenceMs: number,
  ) {}

  /** `request`: the complete head and body. */
  async send(request: string): Promise<WireResponse> {
    const connection = await this.take();
    try {
      return await connection.send(request);
    } finally {
      this.giveBack(connection);
    }
  }

  close(): void {
    for (const connection of this.idle.splice(0)) connection.close();
  }

  private take(): Connection | Promise<Connection> {
    for (let idle = this.idle.pop(); idle; idle = this.idle.pop()) {
      if (idle.isOpen) return idle;
      this.open -= 1;
    }
    if (this.open === this.max) return new Promise((resolve) => this.waiting.push(resolve));
    this.open += 1;
    return new Connection(this.url, this.silenceMs);
  }

  private giveBack(connection: Connection): void {
    const next = this.waiting.shift();
    if (next) return next(connection.isOpen ? connection : new Connection(this.url, this.silenceMs));
    if (connection.isOpen) this.idle.push(connection);
    else this.open -= 1;
  }
}
