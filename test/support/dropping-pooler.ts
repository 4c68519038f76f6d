import type net from 'node:net';
import { TcpProxy } from './tcp-proxy';

/** What becomes of the settings that a connection asks for. */
type Manner = 'drops' | 'refuses';

/** Passed on by every pooler. */
const kept = ['user', 'database'];

/**
 * What a pooler such as PgBouncer in transaction mode does with start-up settings, with one server connection for each client.
 * (Its other traits are tried with the real one, in e2e/pgbouncer.spec.)
 */
export class DroppingPooler extends TcpProxy {
  private manner: Manner = 'drops';

  static async of(url: string, manner: Manner): Promise<DroppingPooler> {
    const pooler = await new DroppingPooler(new URL(url)).listen();
    pooler.manner = manner;
    return pooler;
  }

  protected override pass(client: net.Socket, upstream: net.Socket): void {
    client.once('data', (startup) => {
      const asked = settingsOf(startup);
      if (this.manner === 'refuses' && asked.some(([name]) => name === 'options'))
        return void client.end(refusal('unsupported startup parameter: options'));
      upstream.write(startupWith(asked.filter(([name]) => kept.includes(name))));
      client.pipe(upstream).pipe(client);
    });
  }
}

/** The names and values of a StartupMessage: length, version, then strings that end with 0. */
function settingsOf(startup: Buffer): [string, string][] {
  const strings = startup.subarray(8).toString().split('\0');
  return Array.from({ length: Math.floor(strings.length / 2) }, (_, nth): [string, string] => [
    strings[2 * nth]!,
    strings[2 * nth + 1]!,
  ]).filter(([name]) => name !== '');
}

function startupWith(settings: [string, string][]): Buffer {
  const body = Buffer.from(`${settings.flat().join('\0')}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, body]);
}

function refusal(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C08P01\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
}
