import { Agent, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { once } from 'node:events';
import fastify from 'fastify';
import { closeWhenAnswered } from '../../src/http/connections';
import { until } from '../support/until';

describe('closeWhenAnswered', () => {
  it('does not wait for connections without a request', async () => {
    const { server, port } = await listening();
    const accepted = once(server.server, 'connection');
    const silent = connect(port, '127.0.0.1');
    silent.on('error', () => undefined);
    await accepted;

    await server.close();
    silent.destroy();
  });

  it('answers requests in flight and closes their connections', async () => {
    const { server, port, answer, asked } = await listening();
    const agent = new Agent({ keepAlive: true });
    const response = new Promise<{ connection: string | undefined; text: string }>((resolve, reject) => {
      get({ port, agent, host: '127.0.0.1', path: '/slow' }, (message) => {
        message.setEncoding('utf8').on('data', (text: string) => {
          resolve({ connection: message.headers.connection, text });
        });
      }).on('error', reject);
    });
    await asked;

    const closed = server.close();
    await until('it takes no more connections', async () => !server.server.listening);
    answer('late');
    expect(await response).toEqual({ connection: 'close', text: 'late' });
    await closed;
  });

  it('does not wait for another request on the connection of an event stream', async () => {
    const { server, port, answer, asked } = await listening();
    const client = connect(port, '127.0.0.1').on('error', () => undefined);
    client.write('GET /raw HTTP/1.1\r\nHost: h\r\n\r\n');
    await asked;

    const closed = server.close();
    await until('it takes no more connections', async () => !server.server.listening);
    answer('bye');
    await closed;
    client.destroy();
  });
});

/** `asked` resolves when a request hangs, `answer` ends it. */
async function listening() {
  const server = fastify({ forceCloseConnections: 'idle' });
  closeWhenAnswered(server);
  let answer: (text: string) => void = () => undefined;
  let hangs: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (hangs = resolve));
  const answered = new Promise<string>((resolve) => (answer = resolve));
  server.get('/slow', async () => {
    hangs();
    return answered;
  });
  // As event streams are written: past Fastify, so that no hook of its touches the headers.
  server.get('/raw', async (_request, reply) => {
    reply.hijack();
    hangs();
    reply.raw.end(await answered);
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  return { server, answer, asked, port: (server.server.address() as AddressInfo).port };
}
