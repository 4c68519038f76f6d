import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * Below the ports of outgoing connections (from 32768 on Linux, 49152 elsewhere). Otherwise a process that is restarted
 * on its old port might find a client's connection there.
 */
const range = { from: 15_000, to: 32_000 };

/**
 * A port that is free at this moment, for addresses that others must know before the process exists. Until this process
 * ends, no other test process gets it, also while the one that listens there is restarted.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(range.from, range.to);
    if ((await isFree(port)) && (await reserve(port))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** By the UDP port of the same number, which nobody needs and which is given back when this process ends, however it ends. */
function reserve(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const reservation = createSocket('udp4');
    reservation.once('error', () => reservation.close(() => resolve(false)));
    reservation.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      reservation.unref();
      resolve(true);
    });
  });
}
