import { Coalesced } from '../../src/coalesced';

/** Work that is finished, or fails, when the test says so. */
function controlled() {
  const runs: { finish: (value: string) => void; fail: (error: Error) => void }[] = [];
  const coalesced = new Coalesced(() => new Promise<string>((finish, fail) => runs.push({ finish, fail })));
  return { runs, coalesced };
}

const settle = () => new Promise(setImmediate);

describe('Coalesced', () => {
  it('runs at most once at a time, and once more for all calls made meanwhile', async () => {
    const { runs, coalesced } = controlled();
    const first = coalesced.run();
    const later = Array.from({ length: 50 }, () => coalesced.run());
    // Calls after the first has ended and before the next has begun.
    later.push(first.then(() => coalesced.run()));
    await settle();
    expect(runs).toHaveLength(1);

    runs[0]!.finish('old');
    expect(await first).toBe('old');
    await settle();
    expect(runs).toHaveLength(2);
    const latest = coalesced.run();
    runs[1]!.finish('new');
    expect(new Set(await Promise.all(later))).toEqual(new Set(['new']));

    await settle();
    expect(runs).toHaveLength(3);
    runs[2]!.finish('newest');
    expect(await latest).toBe('newest');
  });

  it('runs again for waiting calls after a failure, and whenever it is idle', async () => {
    const { runs, coalesced } = controlled();
    const failing = coalesced.run();
    const waiting = coalesced.run();
    runs[0]!.fail(new Error('away'));
    await expect(failing).rejects.toThrow('away');
    await settle();
    runs[1]!.finish('back');
    expect(await waiting).toBe('back');

    await settle();
    const again = coalesced.run();
    runs[2]!.finish('again');
    expect(await again).toBe('again');
  });
});
