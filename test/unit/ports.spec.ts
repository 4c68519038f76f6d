import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort } from '../support/ports';

/** What another process hears when it reserves the port too. */
const reservedElsewhere = async (port: number): Promise<string> => {
  const script = `require('node:dgram').createSocket('udp4')
    .once('error', ({ code }) => console.log(code)).bind(${port}, '127.0.0.1', function () { console.log('reserved'); this.close(); })`;
  return (await promisify(execFile)(process.execPath, ['-e', script])).stdout.trim();
};

describe('freePort', () => {
  it('keeps a port from other processes while nobody listens on it', async () => {
    expect(await reservedElsewhere(await freePort())).toBe('EADDRINUSE');
  });
});
