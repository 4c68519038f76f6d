import { type AddressInfo, createServer } from 'node:net';
import { ConnectionLost, Connections, ResponseReader, headerOf } from '../../sandbox/wire';
import { seeded } from '../support/seeded';

const whole =
  'HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 2\r\nContent-Length: 7\r\n\r\n{"a":1}';
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n';
const empty = 'HTTP/1.1 204 No Content\r\nETag: "7"\r\n\r\n';

describe('ResponseReader', () => {
  it.each([
    ['with a length', whole, 503],
    ['in chunks', chunked, 200],
  ])('reads a response %s', (_, text, status) => {
    const answer = new ResponseReader().push(Buffer.from(text))!;
    expect({ ...answer, body: answer.body.toString() }).toMatchObject({ status, body: '{"a":1}' });
  });

  it('reads a response without a body', () => {
    const answer = new ResponseReader().push(Buffer.from(empty))!;
    expect([answer.status, answer.body.length, headerOf(answer, 'etag')]).toEqual([204, 0, '"7"']);
  });

  it('skips 100 Continue', () => {
    const answer = new ResponseReader().push(Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${whole}`))!;
    expect([answer.status, headerOf(answer, 'retry-after')]).toEqual([503, '2']);
  });

  it(
    'reads the same responses from pieces of any size',
    seeded(async (random) => {
      const all = Buffer.from(whole + chunked + empty + whole);
      const reader = new ResponseReader();
      const statuses: number[] = [];
      const receive = (piece: Buffer): void => {
        // The rest of one piece is the beginning of the next response.
        for (let answer = reader.push(piece); answer; answer = reader.push(Buffer.alloc(0)))
          statuses.push(answer.status);
      };
      for (let at = 0; at < all.length;) {
        const size = random.integer(1, 40);
        receive(all.subarray(at, at + size));
        at += size;
      }
      expect(statuses).toEqual([503, 200, 204, 503]);
    }),
  );

  it('reads the head of a response whose body ends with the connection', () => {
    const read = (text: string) => new ResponseReader().push(Buffer.from(text))!.status;
    expect(read('HTTP/1.1 200 OK\r\n\r\n{}')).toBe(200);
    expect(read('HTTP/1.0 201 Created\r\n\r\n')).toBe(201);
  });

  it('refuses what is not HTTP', () => {
    const odd = Buffer.from('SSH-2.0-OpenSSH\r\n\r\n');
    expect(() => new ResponseReader().push(odd)).toThrow(ConnectionLost);
  });
});

describe('Connections', () => {
  it('makes a new connection after a response that ends with the old one, and keeps others', async () => {
    const texts = [whole, 'HTTP/1.0 200 OK\r\n\r\n{}', 'HTTP/1.1 200 OK\r\n\r\n{}', whole, whole];
    let opened = 0;
    const server = createServer((socket) => {
      opened += 1;
      socket.on('data', () => socket.write(texts.shift()!)).on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const connections = new Connections(new URL(`http://127.0.0.1:${port}`), 1, 5_000);
    const statuses: number[] = [];
    for (let nth = 0; nth < 5; nth++)
      statuses.push((await connections.send('GET / HTTP/1.1\r\n\r\n')).status);
    connections.close();
    server.close();
    expect([statuses, opened]).toEqual([[503, 200, 200, 503, 503], 3]);
  });
});
