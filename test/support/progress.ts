interface Progress {
  watchStart(
    pid: number,
    options?: { limitMs?: number; quietMs?: number; now?: () => number; cpuOf?: (pid: number) => unknown },
  ): { moved(): void; problem(): string | undefined };
  startLimitMs(env?: NodeJS.ProcessEnv): number;
  cpuTimeOf(pid: number): unknown;
}

// oxlint-disable-next-line typescript/no-require-imports -- plain JavaScript, shared with the scripts
export const { watchStart, startLimitMs, cpuTimeOf } = require('../../scripts/progress.cjs') as Progress;
