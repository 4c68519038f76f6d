import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { OncePerSecond } from '../../src/reporting/overview/once';
import { EventStream } from '../../src/http/event-stream';

/** A response whose reader stops after a number of bytes until the test continues it. */
class SlowReader extends EventEmitter {
  readonly written: string[] = [];
  isFull = false;
  isEnded = false;
  isDestroyed = false;

  setHeader(): void {}
  writeHead(): void {}

  write(text: string): boolean {
    this.written.push(text);
    return !this.isFull;
  }

  end(text?: string): void {
    if (text !== undefined) this.written.push(text);
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }
}

const heartbeatMs = 10_000;
const connect = () => {
  const reader = new SlowReader();
  const left = jest.fn();
  const stream = new EventStream(reader as unknown as ServerResponse, left);
  stream.open({}, heartbeatMs);
  expect(reader.written.splice(0)).toEqual([expect.stringMatching(/^retry: [123]\d{3}\n\n$/)]);
  return { reader, stream, left };
};

describe('EventStream', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('keeps only the newest event of each key for a reader that does not read', () => {
    const { reader, stream } = connect();
    reader.isFull = true;
    stream.send('a', { data: 'first' });
    for (let nth = 0; nth < 1_000; nth++) stream.send('a', { data: `a ${nth}` });
    stream.send('b', { id: '7', type: 'order', data: 'b' });
    expect(reader.written).toEqual(['data: first\n\n']);

    reader.isFull = false;
    reader.emit('drain');

    expect(reader.written.slice(1)).toEqual(['data: a 999\n\n', 'id: 7\nevent: order\ndata: b\n\n']);
  });

  it('sends a comment as a heartbeat', () => {
    const { reader } = connect();
    jest.advanceTimersByTime(3 * heartbeatMs);

    expect(reader.written).toEqual([': still here\n\n', ': still here\n\n', ': still here\n\n']);
  });

  it('drops a reader that has read nothing for six heartbeats', () => {
    const { reader, stream, left } = connect();
    reader.isFull = true;
    stream.send('a', { data: '1' });
    jest.advanceTimersByTime(5 * heartbeatMs);
    expect(reader.isDestroyed).toBe(false);

    jest.advanceTimersByTime(heartbeatMs);

    expect(reader.isDestroyed).toBe(true);
    expect(left).toHaveBeenCalledTimes(1);
  });

  it('keeps a slow reader', () => {
    const { reader, stream } = connect();
    for (let nth = 0; nth < 20; nth++) {
      reader.isFull = true;
      stream.send('a', { data: String(nth) });
      jest.advanceTimersByTime(4 * heartbeatMs);
      reader.isFull = false;
      reader.emit('drain');
    }
    expect(reader.isDestroyed).toBe(false);
  });

  it('sends waiting events before it completes, and only the last event when it is ended', () => {
    for (const [finish, expected] of [
      [(stream: EventStream) => stream.complete(), ['data: 1\n\n', 'data: 2\n\n']],
      [(stream: EventStream) => stream.end({ data: 'bye' }), ['data: 1\n\n', 'data: bye\n\n']],
    ] as const) {
      const { reader, stream, left } = connect();
      reader.isFull = true;
      stream.send('a', { data: '1' });
      stream.send('a', { data: '2' });
      finish(stream);
      stream.send('a', { data: '3' });

      expect(reader.written).toEqual(expected);
      expect(reader.isEnded).toBe(true);
      expect(left).toHaveBeenCalledTimes(1);
    }
  });
});

describe('OncePerSecond', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('returns the same value to all callers within a second', async () => {
    let computed = 0;
    const value = new OncePerSecond(async () => ++computed);

    expect(await Promise.all([value.get(), value.get()])).toEqual([1, 1]);
    jest.advanceTimersByTime(800);
    expect(await value.get()).toBe(1);
    jest.advanceTimersByTime(200);
    expect(await value.get()).toBe(2);
  });

  it('computes less often when computing takes long', async () => {
    let computed = 0;
    const value = new OncePerSecond(async () => {
      await new Promise((resolve) => setTimeout(resolve, 400));
      return ++computed;
    });
    const first = value.get();
    await jest.advanceTimersByTimeAsync(400);
    expect(await first).toBe(1);

    await jest.advanceTimersByTimeAsync(7_000);
    expect(await value.get()).toBe(1);
    await jest.advanceTimersByTimeAsync(1_000);
    const second = value.get();
    await jest.advanceTimersByTimeAsync(400);
    expect(await second).toBe(2);
  });

  it('returns an older value when the new one takes too long', async () => {
    let computed = 0;
    const value = new OncePerSecond(async () => {
      computed += 1;
      const mine = computed;
      await new Promise((resolve) => setTimeout(resolve, 10 ** mine));
      return mine;
    });
    const first = value.soon(5);
    await jest.advanceTimersByTimeAsync(10);
    expect(await first).toBe(1);

    await jest.advanceTimersByTimeAsync(1_000);
    const older = value.soon(5);
    await jest.advanceTimersByTimeAsync(5);
    expect(await older).toBe(1);
    const newer = value.soon(200);
    await jest.advanceTimersByTimeAsync(200);
    expect(await newer).toBe(2);
  });

  it('tries again after a failure', async () => {
    let tries = 0;
    const value = new OncePerSecond(async () => {
      tries += 1;
      if (tries === 1) throw new Error('away');
      return tries;
    });

    await expect(value.get()).rejects.toThrow('away');
    expect(await value.get()).toBe(2);
  });
});
