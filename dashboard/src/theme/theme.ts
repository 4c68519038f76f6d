import { useSyncExternalStore } from 'react';
import { readSetting, writeSetting } from '../browser/stored-settings';

export type ThemeChoice = 'system' | 'light' | 'dark';

const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
let choice: ThemeChoice = kept();

function kept(): ThemeChoice {
  const setting = readSetting('theme');
  return setting === 'light' || setting === 'dark' ? setting : 'system';
}

function apply(): void {
  document.documentElement.dataset.theme = inForce();
  for (const listener of listeners) listener();
}

const inForce = (): 'light' | 'dark' => (choice === 'system' ? (system.matches ? 'dark' : 'light') : choice);

system.addEventListener('change', apply);

export function chooseTheme(next: ThemeChoice): void {
  choice = next;
  writeSetting('theme', next === 'system' ? null : next);
  apply();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The current theme: canvas drawings read their colours again when it changes. */
export const useTheme = (): 'light' | 'dark' => useSyncExternalStore(subscribe, inForce);

export const useThemeChoice = (): ThemeChoice => useSyncExternalStore(subscribe, () => choice);
