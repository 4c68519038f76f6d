import net, { type AddressInfo } from 'node:net';

/** A TCP proxy that can reset all connections at any moment. */
export class TcpProxy {
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();

  protected constructor(private target: URL) {
    this.server = net.createServer((client) => this.serve(client));
  }

  static async before(url: string): Promise<TcpProxy> {
    return new TcpProxy(new URL(url)).listen();
  }

  protected async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** The target's URL with the proxy's address. */
  get url(): string {
    const url = new URL(this.target.href);
    url.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return url.href;
  }

  /** New connections go there, as when a database's name moves to another server. */
  redirect(url: string): void {
    this.target = new URL(url);
  }

  /** Resets all connections and returns their number. New ones are accepted. */
  cut(): number {
    const connections = this.sockets.size / 2;
    for (const socket of this.sockets) socket.resetAndDestroy();
    return connections;
  }

  /** Present connections pass nothing on and stay open, as when the server's machine is suspended. New ones are served. */
  freeze(): void {
    for (const socket of this.sockets) socket.pause();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(client: net.Socket): void {
    const upstream = net.connect(Number(this.target.port), this.target.hostname);
    const pair = [client, upstream];
    const hangUp = () => pair.forEach((socket) => socket.destroy());
    for (const socket of pair) {
      this.sockets.add(socket);
      socket.on('error', hangUp).on('close', () => {
        this.sockets.delete(socket);
        hangUp();
      });
    }
    this.pass(client, upstream, hangUp);
  }

  protected pass(client: net.Socket, upstream: net.Socket, _hangUp: () => void): void {
    client.pipe(upstream).pipe(client);
  }
}
