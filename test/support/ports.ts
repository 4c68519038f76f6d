import { createServer } from 'node:net';

/** A port that nobody listens on at this moment: for addresses that others must know before the process exists. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      if (address === null || typeof address === 'string')
        return reject(new Error('Bug: a TCP server has a port'));
      probe.close(() => resolve(address.port));
    });
  });
}
