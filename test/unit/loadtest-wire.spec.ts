import { ResponseReader, ConnectionLost, headerOf } from '../../loadtest/wire';
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

  it('refuses a response without a length', () => {
    expect(() => new ResponseReader().push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n{}'))).toThrow(ConnectionLost);
    expect(() => new ResponseReader().push(Buffer.from('SSH-2.0-OpenSSH\r\n\r\n'))).toThrow(ConnectionLost);
  });
});
