import type net from 'node:net';
import { TcpProxy } from './tcp-proxy';

/**
 * Stands between a client and PostgreSQL and loses what it is told to lose: the answer to the next COMMIT, or the
 * COMMIT itself. To the client both look the same, which is the point.
 */
export class LossyProxy extends TcpProxy {
  lose: 'nothing' | 'answer to COMMIT' | 'COMMIT' = 'nothing';

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
    upstream.on('data', (bytes) => (answerIsLost ? hangUp() : client.write(bytes)));
  }
}
