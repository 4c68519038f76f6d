import { AdmissionLimit } from '../../src/database/admission-limit';
import { unavailable } from '../../src/errors';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate'] }));
afterEach(() => void jest.useRealTimers());

const settled = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

/** Work that ends when the test says so. */
class Works {
  readonly started: string[] = [];
  private readonly endings = new Map<string, { end: () => void; fail: (error: Error) => void }>();

  readonly named = (name: string) => (): Promise<string> => {
    this.started.push(name);
    return new Promise((resolve, reject) =>
      this.endings.set(name, { end: () => resolve(`${name} done`), fail: reject }),
    );
  };

  end = (name: string) => this.endings.get(name)!.end();
  fail = (name: string) => this.endings.get(name)!.fail(new Error(`${name} failed`));
}

function limited({ insideMax = 2, waitingMax = 10, waitMsMax = 3_000 } = {}) {
  const works = new Works();
  const limit = new AdmissionLimit({
    name: 'test',
    insideMax,
    waitingMax,
    waitMsMax,
    overloaded: () => unavailable('too many wait'),
  });
  const run = (name: string) => {
    const result = limit.run(works.named(name));
    result.catch(() => undefined); // Examined later.
    return result;
  };
  return { works, run, limit };
}

describe('AdmissionLimit', () => {
  it('runs at most the allowed number of tasks at once, and the others in order of arrival', async () => {
    const { works, run } = limited();
    const results = ['a', 'b', 'c', 'd'].map(run);
    await settled();
    expect(works.started).toEqual(['a', 'b']);

    works.end('b');
    await settled();
    expect(works.started).toEqual(['a', 'b', 'c']);

    for (const name of ['a', 'c']) works.end(name);
    await settled();
    works.end('d');
    expect(await Promise.all(results)).toEqual(['a done', 'b done', 'c done', 'd done']);
  });

  it('makes room when a task fails, and rejects only that task', async () => {
    const { works, run } = limited({ insideMax: 1 });
    const [broken, next] = [run('broken'), run('next')];
    await settled();
    works.fail('broken');
    await expect(broken).rejects.toThrow('broken failed');
    await settled();
    works.end('next');
    expect(await next).toBe('next done');
  });

  it('sheds a task at once when too many wait', async () => {
    const { works, run } = limited({ insideMax: 1, waitingMax: 1 });
    void run('inside');
    void run('waiting');
    await expect(run('too many')).rejects.toMatchObject({ code: 'unavailable', message: 'too many wait' });
    expect(works.started).toEqual(['inside']);
  });

  it('sheds a task that has waited too long, but no running task', async () => {
    const { works, run } = limited({ insideMax: 1 });
    const inside = run('inside');
    const early = run('early');
    await jest.advanceTimersByTimeAsync(2_000);
    const late = run('late');
    await jest.advanceTimersByTimeAsync(1_000);
    await expect(early).rejects.toMatchObject({ code: 'unavailable' });

    works.end('inside');
    expect(await inside).toBe('inside done');
    await settled();
    expect(works.started).toEqual(['inside', 'late']);
    works.end('late');
    expect(await late).toBe('late done');
  });

  it('runs the same number of tasks at once after all have ended', async () => {
    const { works, run } = limited();
    const first = ['a', 'b', 'c'].map(run);
    await settled();
    for (const name of ['a', 'b']) works.end(name);
    await settled();
    works.end('c');
    await Promise.all(first);

    for (const name of ['d', 'e', 'f']) void run(name);
    await settled();
    expect(works.started).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('P11: halves its limit when told to, down to one, and lets those inside finish', async () => {
    const { works, run, limit } = limited({ insideMax: 4 });
    void ['a', 'b', 'c', 'd', 'e', 'f'].map(run);
    limit.lower();
    limit.lower();
    limit.lower();
    for (const name of ['a', 'b', 'c']) works.end(name);
    await settled();
    expect(works.started).toEqual(['a', 'b', 'c', 'd']);
    works.end('d');
    await settled();
    expect(works.started).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('P11: raises its limit by one after a round of successes, never above the first one', async () => {
    const { works, run, limit } = limited({ insideMax: 3 });
    limit.lower();
    limit.lower();
    void ['a', 'b', 'c', 'd', 'e'].map(run);
    await settled();
    expect(works.started).toEqual(['a']);
    limit.raise();
    await settled();
    expect(works.started).toEqual(['a', 'b']);
    for (let times = 0; times < 20; times += 1) limit.raise();
    await settled();
    expect(works.started).toEqual(['a', 'b', 'c']);
  });
});
