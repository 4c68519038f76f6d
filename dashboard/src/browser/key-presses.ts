import { useEffect, useRef, useSyncExternalStore } from 'react';
import { readSetting, writeSetting } from './stored-settings';

const listeners = new Set<() => void>();
let letters = readSetting('letters') !== 'off';

/** Single-letter keys can be switched off, for people who use speech input or press keys by accident (WCAG 2.1.4). */
export function setLetters(on: boolean): void {
  letters = on;
  writeSetting('letters', on ? null : 'off');
  for (const listener of listeners) listener();
}

export function useLetters(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => letters,
  );
}

/** Keys go to the field being typed in, or to an open dialog. */
function isElsewhere({ target, ctrlKey, metaKey, altKey, defaultPrevented }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey || defaultPrevented) return true;
  if (!(target instanceof Element)) return false;
  const typing = target.closest(
    'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]',
  );
  return typing !== null || document.querySelector('[data-modal]:not([data-closed])') !== null;
}

/** Registers single-key shortcuts. They are ignored in fields and while a dialog is open. */
export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const handle = latest.current[event.key];
      const isLetter = /^[a-z?/]$/i.test(event.key);
      if (handle === undefined || (isLetter && !letters) || isElsewhere(event)) return;
      handle(event);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}
