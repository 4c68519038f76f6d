import net, { type AddressInfo } from 'node:net';

/**
 * Stands between a client and PostgreSQL and loses what it is told to lose: the answer to the next COMMIT, or the
 * COMMIT itself. To the client both look the same, which is the point.
 */
export class LossyProxy {
  lose: 'nothing' | 'answer to COMMIT' | 'COMMIT' = 'nothing';
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();

  private constructor(private readonly target: URL) {
    this.server = net.createServer((client) => this.serve(client));
  }

  static async before(databaseUrl: string): Promise<LossyProxy> {
    const proxy = new LossyProxy(new URL(databaseUrl));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const url = new URL(this.target.href);
    url.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return url.href;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(client: net.Socket): void {
    const upstream = net.connect(Number(this.target.port || 5432), this.target.hostname);
    const hangUp = () => [client, upstream].forEach((socket) => socket.destroy());
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.on('error', hangUp).on('close', hangUp);
    }
    let answerIsLost = false;
    client.on('data', (bytes) => {
      const losing = this.lose !== 'nothing' && bytes.includes('COMMIT\0');
      if (losing && this.lose === 'COMMIT') {
        this.lose = 'nothing';
        return hangUp();
      }
      if (losing) {
        this.lose = 'nothing';
        answerIsLost = true;
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => (answerIsLost ? hangUp() : client.write(bytes)));
  }
}
