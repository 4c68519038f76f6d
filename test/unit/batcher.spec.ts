import { type BatchAnswer, Batcher } from '../../src/database/group-commit';
import { unavailable } from '../../src/errors';

/** Batches that end when the test says so, in the order in which they began. */
class Transactions {
  readonly begun: number[][] = [];
  private readonly endings: (() => void)[] = [];
  answer: (batch: number[]) => BatchAnswer<string>[] = (batch) =>
    batch.map((one) => ({ answer: `done ${one}` }));

  readonly run = async (batch: number[]): Promise<BatchAnswer<string>[]> => {
    this.begun.push(batch);
    await new Promise<void>((resolve) => this.endings.push(resolve));
    return this.answer(batch);
  };

  end(): void {
    const ending = this.endings.shift();
    if (!ending) throw new Error('no batch is in flight');
    ending();
  }
}

const options = {
  name: 'test',
  sizeMax: 3,
  inFlightMax: 2,
  waitingMax: 10,
  overloaded: () => unavailable('too many wait'),
};

const settled = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

/** A batcher whose batches end at once. */
const prompt = (answer: (batch: number[]) => BatchAnswer<string>[]) => {
  const sizes: number[] = [];
  const batcher = new Batcher<number, string>(
    async (batch) => {
      sizes.push(batch.length);
      return answer(batch);
    },
    { ...options, sizeMax: 8 },
  );
  return { batcher, sizes };
};

describe('requests that arrive while a batch is in flight', () => {
  it('form the next one, in order of arrival and within the allowed size', async () => {
    const transactions = new Transactions();
    const batcher = new Batcher(transactions.run, options);
    const first = batcher.add(1);
    await settled();
    const others = [2, 3, 4, 5].map((one) => batcher.add(one));
    await settled();
    expect(transactions.begun).toEqual([[1]]);

    transactions.end();
    expect(await first).toBe('done 1');
    await settled();
    expect(transactions.begun).toEqual([[1], [2, 3, 4]]);
    expect(batcher.depth).toBe(1);

    transactions.end();
    await settled();
    transactions.end();
    expect(await Promise.all(others)).toEqual(['done 2', 'done 3', 'done 4', 'done 5']);
    expect(transactions.begun).toEqual([[1], [2, 3, 4], [5]]);
  });

  it('share a batch with those that come while it waits for others', async () => {
    jest.useFakeTimers();
    const transactions = new Transactions();
    const batcher = new Batcher(transactions.run, { ...options, gatherMs: 20 });
    const all = [batcher.add(1)];
    await jest.advanceTimersByTimeAsync(19);
    all.push(batcher.add(2));
    expect(transactions.begun).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    jest.useRealTimers();
    expect(transactions.begun).toEqual([[1, 2]]);

    transactions.end();
    expect(await Promise.all(all)).toEqual(['done 1', 'done 2']);
  });

  it('do not wait for another lane while there is room for their batch', async () => {
    const transactions = new Transactions();
    const batcher = new Batcher(transactions.run, options);
    const answers = [batcher.add(1, 'a'), batcher.add(2, 'b'), batcher.add(3, 'c'), batcher.add(4, 'a')];
    await settled();
    expect(transactions.begun).toEqual([[1, 4], [2]]);

    transactions.end();
    await settled();
    expect(transactions.begun).toEqual([[1, 4], [2], [3]]);
    transactions.end();
    transactions.end();
    expect(await Promise.all(answers)).toEqual(['done 1', 'done 2', 'done 3', 'done 4']);
  });

  it('are refused at once when too many wait, and served again when fewer do', async () => {
    const transactions = new Transactions();
    const batcher = new Batcher(transactions.run, { ...options, waitingMax: 2 });
    const served = [batcher.add(1)];
    await settled();
    served.push(batcher.add(2), batcher.add(3));

    await expect(batcher.add(4)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    transactions.end();
    await settled();
    served.push(batcher.add(5));
    transactions.end();
    await settled();
    transactions.end();

    expect(await Promise.all(served)).toEqual(['done 1', 'done 2', 'done 3', 'done 5']);
  });
});

describe('a request in a batch', () => {
  it('gets its own result, refusals included', async () => {
    const { batcher } = prompt((batch) =>
      batch.map((one) => (one % 2 === 0 ? { error: new Error(`not ${one}`) } : { answer: `done ${one}` })),
    );
    const outcomes = await Promise.allSettled([1, 2, 3].map((one) => batcher.add(one)));
    expect(
      outcomes.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error).message)),
    ).toEqual(['done 1', 'not 2', 'done 3']);
  });

  it('fails alone when it is the one that breaks its batch', async () => {
    const { batcher, sizes } = prompt((batch) => {
      if (batch.includes(5)) throw new Error('poison');
      return batch.map((one) => ({ answer: `done ${one}` }));
    });
    const outcomes = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map((one) => batcher.add(one)));

    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 4 }, () => 'fulfilled'),
      'rejected',
      ...Array.from({ length: 3 }, () => 'fulfilled'),
    ]);
    expect(sizes).toEqual([8, 4, 4, 2, 1, 1, 2]);
  });

  it('fails with all others after one try when the database is down', async () => {
    const { batcher, sizes } = prompt(() => {
      throw unavailable('PostgreSQL cannot be reached.');
    });
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map((one) => batcher.add(one)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
    expect(sizes).toEqual([4]);
  });
});
