import type net from 'node:net';
import { TcpProxy } from './tcp-proxy';

/**
 * A proxy in front of PostgreSQL that loses the answer to the next COMMIT, or the COMMIT itself. The client cannot tell
 * the difference. `silently`: the connection stays open, as when the server's machine is suspended.
 */
export class LossyProxy extends TcpProxy {
  lose: 'nothing' | 'answer to COMMIT' | 'COMMIT' = 'nothing';
  silently = false;

  static override async before(databaseUrl: string): Promise<LossyProxy> {
    return new LossyProxy(new URL(databaseUrl)).listen();
  }

  protected override pass(client: net.Socket, upstream: net.Socket, hangUp: () => void): void {
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
    upstream.on('data', (bytes) => {
      if (!answerIsLost) client.write(bytes);
      else if (!this.silently) hangUp();
    });
  }
}
