import type net from 'node:net';
import { TcpProxy } from './tcp-proxy';

/** An ErrorResponse of PostgreSQL's wire protocol, as sent by a server during recovery. */
function startingUp(): Buffer {
  const fields = Buffer.from('SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0');
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
}

/** A proxy in front of PostgreSQL that disturbs BullMQ's connections; all others pass. */
export class QueueDetour extends TcpProxy {
  treatment: 'pass' | 'never answer' | 'say 57P03' | 'delay' = 'pass';
  delayMs = 0;

  static override async before(databaseUrl: string): Promise<QueueDetour> {
    return new QueueDetour(new URL(databaseUrl)).listen();
  }

  protected override pass(client: net.Socket, upstream: net.Socket, hangUp: () => void): void {
    client.once('data', (startup) => {
      // BullMQ's connections name its schema when they start.
      const isQueue = startup.includes('search_path="bullmq"');
      const treatment = isQueue ? this.treatment : 'pass';
      if (treatment === 'say 57P03') return void client.end(startingUp());
      client.pause();
      const go = () => {
        upstream.write(startup);
        client.pipe(upstream).pipe(client);
      };
      if (treatment === 'pass') return go();
      if (treatment === 'delay') setTimeout(() => !client.destroyed && go(), this.delayMs);
      client.once('close', hangUp);
    });
  }
}
