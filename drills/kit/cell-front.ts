import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What stands before the cells in production, without its comforts: leads a request to the cell that its key names, by
 * default to the first, and a webhook of the provider to every cell, each of which has an endpoint there.
 */
export class CellFront {
  /** Name → address of the cell's API. */
  private readonly cells = new Map<string, URL>();
  private readonly server = createServer((asked, answer) => void this.serve(asked, answer));

  static async start(): Promise<CellFront> {
    const front = new CellFront();
    await new Promise<void>((resolve) => front.server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  lead(name: string, api: string): void {
    this.cells.set(name, new URL(api));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of asked) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const cells = asked.url!.startsWith('/v1/payments/webhooks/')
      ? [...this.cells.values()]
      : [this.cellOf(asked.headers.authorization)];
    const answers = await Promise.all(cells.map((cell) => ask(cell, asked, body)));
    // The provider sends an event again that an endpoint did not take.
    const { status, headers, text } = answers.find((one) => one.status >= 300) ?? answers[0]!;
    answer.writeHead(status, headers).end(text);
  }

  private cellOf(authorization = ''): URL {
    const name = /^Bearer hf_([a-z][a-z0-9]*)_/.exec(authorization)?.[1] ?? '';
    return this.cells.get(name) ?? [...this.cells.values()][0]!;
  }
}

interface CellAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: Buffer;
}

/** 503 where nothing answers. */
function ask(cell: URL, { method, url, headers }: IncomingMessage, body: Buffer): Promise<CellAnswer> {
  return new Promise((resolve) => {
    const away = () => resolve({ status: 503, headers: {}, text: Buffer.alloc(0) });
    const { hostname, port } = cell;
    request({ hostname, port, method, path: url, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', away);
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks) }),
      );
    })
      .on('error', away)
      .end(body);
  });
}
