import { Turnstile } from '../../src/database/admission-limit';
import { unavailable } from '../../src/errors';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate'] }));
afterEach(() => void jest.useRealTimers());

const settled = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

/** Work that ends when the test says so. */
class Works {
  readonly begun: string[] = [];
  private readonly endings = new Map<string, { end: () => void; fail: (error: Error) => void }>();

  readonly named = (name: string) => (): Promise<string> => {
    this.begun.push(name);
    return new Promise((resolve, reject) =>
      this.endings.set(name, { end: () => resolve(`${name} done`), fail: reject }),
    );
  };

  end = (name: string) => this.endings.get(name)!.end();
  fail = (name: string) => this.endings.get(name)!.fail(new Error(`${name} failed`));
}

function turnstile({ insideMax = 2, waitingMax = 10, waitMsMax = 3_000 } = {}) {
  const works = new Works();
  const door = new Turnstile({
    name: 'test',
    insideMax,
    waitingMax,
    waitMsMax,
    overloaded: () => unavailable('too many wait'),
  });
  const enter = (name: string) => {
    const answer = door.pass(works.named(name));
    answer.catch(() => undefined); // Looked at later.
    return answer;
  };
  return { works, enter };
}

describe('a turnstile', () => {
  it('lets no more work at once than it may, and the others in the order in which they came', async () => {
    const { works, enter } = turnstile();
    const answers = ['a', 'b', 'c', 'd'].map(enter);
    await settled();
    expect(works.begun).toEqual(['a', 'b']);

    works.end('b');
    await settled();
    expect(works.begun).toEqual(['a', 'b', 'c']);

    for (const name of ['a', 'c']) works.end(name);
    await settled();
    works.end('d');
    expect(await Promise.all(answers)).toEqual(['a done', 'b done', 'c done', 'd done']);
  });

  it('makes room when work fails, and says so to nobody but its own', async () => {
    const { works, enter } = turnstile({ insideMax: 1 });
    const [broken, next] = [enter('broken'), enter('next')];
    await settled();
    works.fail('broken');
    await expect(broken).rejects.toThrow('broken failed');
    await settled();
    works.end('next');
    expect(await next).toBe('next done');
  });

  it('sends away at once whoever finds too many waiting', async () => {
    const { works, enter } = turnstile({ insideMax: 1, waitingMax: 1 });
    void enter('inside');
    void enter('waiting');
    await expect(enter('too many')).rejects.toMatchObject({ code: 'unavailable', message: 'too many wait' });
    expect(works.begun).toEqual(['inside']);
  });

  it('sends away whoever has waited too long, and nobody who is at work', async () => {
    const { works, enter } = turnstile({ insideMax: 1 });
    const inside = enter('inside');
    const early = enter('early');
    await jest.advanceTimersByTimeAsync(2_000);
    const late = enter('late');
    await jest.advanceTimersByTimeAsync(1_000);
    await expect(early).rejects.toMatchObject({ code: 'unavailable' });

    works.end('inside');
    expect(await inside).toBe('inside done');
    await settled();
    expect(works.begun).toEqual(['inside', 'late']);
    works.end('late');
    expect(await late).toBe('late done');
  });

  it('is as wide as before when all have left', async () => {
    const { works, enter } = turnstile();
    const first = ['a', 'b', 'c'].map(enter);
    await settled();
    for (const name of ['a', 'b']) works.end(name);
    await settled();
    works.end('c');
    await Promise.all(first);

    for (const name of ['d', 'e', 'f']) void enter(name);
    await settled();
    expect(works.begun).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
