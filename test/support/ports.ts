import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports of outgoing connections (from 32768 on Linux, 49152 elsewhere). Otherwise a process that is restarted
 * on its old port might find a client's connection there.
 */
const range = { from: 15_000, to: 32_000 };

const given = new Set<number>();

/** A port that is free at this moment, for addresses that others must know before the process exists. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(range.from, range.to);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
