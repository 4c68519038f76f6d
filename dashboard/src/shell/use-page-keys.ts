import { useRef } from 'react';
import { useLocation } from 'wouter';
import { useKeys } from '../browser/key-presses';
import { navGroups } from './nav-pages';

/** How long after `g` a page's letter is accepted. */
const AFTER_G_MS = 1200;

const pageOfLetter = new Map(
  navGroups.flatMap(({ pages }) => pages.map(({ letter, href }) => [letter, href])),
);

/** Global shortcuts: pages with `g` and a letter, rows with `j` and `k`, help with `?`. */
export function usePageKeys(onKeys: () => void): void {
  const [, navigate] = useLocation();
  const pressedG = useRef(0);
  const go = (letter: string) => (event: KeyboardEvent) => {
    if (performance.now() - pressedG.current > AFTER_G_MS) return;
    pressedG.current = 0;
    // Keeps the page's own shortcut with the same letter from firing.
    event.preventDefault();
    event.stopImmediatePropagation();
    navigate(pageOfLetter.get(letter)!);
  };
  useKeys({
    ...Object.fromEntries([...pageOfLetter.keys()].map((letter) => [letter, go(letter)])),
    g: () => void (pressedG.current = performance.now()),
    '?': onKeys,
    j: () => moveRow(1),
    k: () => moveRow(-1),
    x: () => rowInFocus()?.querySelector<HTMLElement>('[data-select]')?.click(),
    Enter: ({ target }) => openRow(target, navigate),
    Escape: () => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    },
  });
}

const rows = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('main [data-row]')];

function rowInFocus(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>('[data-row]') ?? null;
}

function moveRow(step: 1 | -1): void {
  const all = rows();
  const here = rowInFocus();
  const at = here === null ? (step === 1 ? -1 : 0) : all.indexOf(here);
  const next = all[Math.min(all.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

/** Only for the row itself: links and buttons within it handle Enter themselves. */
function openRow(target: EventTarget | null, navigate: (href: string) => void): void {
  if (!(target instanceof HTMLElement) || !target.matches('[data-row]')) return;
  if (target.dataset.href) navigate(target.dataset.href);
  else target.querySelector<HTMLElement>('[data-open]')?.click();
}
