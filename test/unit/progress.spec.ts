import { spawn } from 'node:child_process';
import { cpuTimeOf, startLimitMs, watchStart } from '../support/progress';
import { until } from '../support/until';

/** A start watched by a clock and a CPU counter that the test moves. */
function watched({ limitMs = 300_000, quietMs = 30_000 } = {}) {
  let [nowMs, cpu] = [1_000_000, 0];
  const start = watchStart(1, { limitMs, quietMs, now: () => nowMs, cpuOf: () => cpu });
  return {
    moved: () => start.moved(),
    /** The problem after this many seconds of frequent checks; `busy`: it uses CPU time. */
    after(seconds: number, { busy = false } = {}): string | undefined {
      let problem: string | undefined;
      for (let look = 0; look < seconds * 10 && problem === undefined; look++) {
        nowMs += 100;
        if (busy) cpu += 1;
        problem = start.problem();
      }
      return problem;
    },
    sleep: (ms: number) => {
      nowMs += ms;
      return start.problem();
    },
  };
}

describe('watchStart', () => {
  it('waits for minutes while the process uses CPU time', () => {
    expect(watched().after(280, { busy: true })).toBeUndefined();
  });

  it('waits for minutes while the process prints output', () => {
    const start = watched();
    for (let nth = 0; nth < 10; nth++) {
      expect(start.after(28)).toBeUndefined();
      start.moved();
    }
  });

  it('gives up after half a minute without output or CPU time', () => {
    const start = watched();
    expect(start.after(20, { busy: true })).toBeUndefined();
    expect(start.after(40)).toMatch(/made no progress for 30 s.*not ready after 50 s/);
  });

  it('gives up at the limit on a busy process, and names the setting', () => {
    expect(watched({ limitMs: 60_000 }).after(70, { busy: true })).toMatch(
      /not ready after 60 s, although it made progress.*HOLDFAST_START_SECONDS_MAX=120/,
    );
  });

  it('ignores time in which the watcher itself was suspended', () => {
    const start = watched();
    expect(start.sleep(3_600_000)).toBeUndefined();
    expect(start.after(25)).toBeUndefined();
  });

  it('counts the CPU time of a process and of its child', async () => {
    for (const code of [
      'for (;;);',
      `require('child_process').spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }); process.on('SIGTERM', () => process.exit())`,
    ]) {
      const child = spawn(process.execPath, ['-e', code], { detached: true, stdio: 'ignore' });
      try {
        const before = cpuTimeOf(child.pid!) as number;
        await until('it has used 200 ms', async () => (cpuTimeOf(child.pid!) as number) > before + 20);
      } finally {
        process.kill(-child.pid!, 'SIGKILL');
      }
    }
  });
});

describe('HOLDFAST_START_SECONDS_MAX', () => {
  it('defaults to five minutes', () => {
    expect(startLimitMs({})).toBe(300_000);
    expect(startLimitMs({ HOLDFAST_START_SECONDS_MAX: '20' })).toBe(20_000);
  });

  it.each(['0', 'soon', '1.5', '-3'])('refuses %s in one line with an example', (value) => {
    expect(() => startLimitMs({ HOLDFAST_START_SECONDS_MAX: value })).toThrow(
      /^HOLDFAST_START_SECONDS_MAX is ".*Example: HOLDFAST_START_SECONDS_MAX=300$/,
    );
  });
});
