import { useSyncExternalStore } from 'react';

/** One clock for the page: everything that counts moves in the same moment, and nothing ticks when nothing is shown. */
const listeners = new Set<() => void>();
let now = performance.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    now = performance.now();
    timer = setInterval(tick, 1000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  now = performance.now();
  for (const listener of listeners) listener();
}

/** performance.now(), moved on once a second. */
export function useTick(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** Seconds since something that was `seconds` old when it came at `at`. */
export function useAge(seconds: number, at: number): number {
  return seconds + Math.max(0, useTick() - at) / 1000;
}
