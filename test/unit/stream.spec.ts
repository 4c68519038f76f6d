import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { OncePerSecond } from '../../src/admin/once';
import { StreamConnection } from '../../src/admin/stream-connection';

/** A response whose reader takes only so much until it is told to go on. */
class SlowReader extends EventEmitter {
  readonly written: string[] = [];
  isFull = false;
  isEnded = false;
  isDestroyed = false;

  writeHead(): void {}

  write(text: string): boolean {
    this.written.push(text);
    return !this.isFull;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }
}

const connect = (isAllowed: () => Promise<boolean> = async () => true) => {
  const reader = new SlowReader();
  const left = jest.fn();
  const connection = new StreamConnection(reader as unknown as ServerResponse, left);
  connection.open({}, isAllowed);
  return { reader, connection, left };
};

describe('a stream’s connection', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('keeps of each topic only the newest message for a reader that does not read', () => {
    const { reader, connection } = connect();
    reader.isFull = true;
    connection.send('a', '"first"');
    for (let nth = 0; nth < 1_000; nth++) connection.send('a', `"a ${nth}"`);
    connection.send('b', '"b"');
    expect(reader.written).toEqual(['data: "first"\n\n']);

    reader.isFull = false;
    reader.emit('drain');

    expect(reader.written.slice(1)).toEqual(['data: "a 999"\n\n', 'data: "b"\n\n']);
  });

  it('says now and then that it is still there', () => {
    const { reader } = connect();
    jest.advanceTimersByTime(30_000);

    expect(reader.written).toEqual([': still here\n\n', ': still here\n\n', ': still here\n\n']);
  });

  it('cuts off a reader that has taken nothing for a minute', () => {
    const { reader, connection, left } = connect();
    reader.isFull = true;
    connection.send('a', '1');
    jest.advanceTimersByTime(50_000);
    expect(reader.isDestroyed).toBe(false);

    jest.advanceTimersByTime(30_000);

    expect(reader.isDestroyed).toBe(true);
    expect(left).toHaveBeenCalledTimes(1);
  });

  it('ends with a goodbye when its reader may not read any more, and stays when nobody can tell', async () => {
    let allowed: () => Promise<boolean> = () => Promise.reject(new Error('the database is away'));
    const { reader, left } = connect(() => allowed());
    await jest.advanceTimersByTimeAsync(4_000);
    expect(reader.isEnded).toBe(false);

    allowed = async () => false;
    await jest.advanceTimersByTimeAsync(2_000);

    expect(reader.written.at(-1)).toMatch(/"topic":"bye".*"reason":"session-ended"/);
    expect(reader.isEnded).toBe(true);
    expect(left).toHaveBeenCalledTimes(1);
  });
});

describe('what is computed once a second', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('is the same for all who ask, until the second is over', async () => {
    let computed = 0;
    const value = new OncePerSecond(async () => ++computed);

    expect(await Promise.all([value.get(), value.get()])).toEqual([1, 1]);
    jest.advanceTimersByTime(800);
    expect(await value.get()).toBe(1);
    jest.advanceTimersByTime(200);
    expect(await value.get()).toBe(2);
  });

  it('is computed less often where that takes long, so that looking stays cheap', async () => {
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

  it('is not waited for where an older one will do', async () => {
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

  it('is tried anew after a failure', async () => {
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
