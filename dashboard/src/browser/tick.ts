import { useSyncExternalStore } from 'react';

/** One timer for the page, so that all counters move together. It stops when nothing uses it. */
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

/** performance.now(), updated once a second. */
export function useTick(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** The age in seconds of something that was `seconds` old when it arrived at `at`. */
export function useAge(seconds: number, at: number): number {
  return seconds + Math.max(0, useTick() - at) / 1000;
}
