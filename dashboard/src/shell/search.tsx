import { Search as SearchIcon } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { FoundList, FoundObject } from '../api/openapi';
import { useApi } from '../api/use-api';
import { useKeys } from '../browser/key-presses';
import { hrefOfId } from '../formatting/ids';
import { hrefOfCustomer } from '../pages/reservations/reservation-filters';
import { classes } from '../theme/classes';
import styles from './search.module.css';

/** The search runs after this pause in typing. */
const SETTLE_MS = 200;

/** Finds an order, reservation, product or customer by id, SKU or payment reference. */
export function Search() {
  const search = useSearch();
  const { text, open, at, input, shown, hits } = search;
  const id = useId();
  return (
    <div
      className={classes(styles.search, open ? styles.open : styles.closed)}
      role="search"
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) search.close();
      }}
    >
      <button type="button" className={styles.opener} aria-label="Search" onClick={search.start}>
        <SearchIcon size={18} aria-hidden />
      </button>
      <div className={styles.field}>
        <SearchIcon size={14} aria-hidden />
        <input
          ref={input}
          role="combobox"
          aria-label="Find an order, reservation, SKU, customer or payment reference"
          aria-expanded={shown}
          aria-controls={shown ? `${id}-found` : undefined}
          aria-activedescendant={shown && hits[at] ? `${id}-${at}` : undefined}
          autoComplete="off"
          spellCheck={false}
          placeholder="Find order, reservation, SKU…"
          value={text}
          onFocus={search.start}
          onChange={(event) => search.type(event.target.value)}
          onKeyDown={search.press}
        />
        <kbd aria-hidden>/</kbd>
      </div>
      {shown && (
        <div className={styles.found}>
          <ul id={`${id}-found`} role="listbox" aria-label="Found">
            {hits.map((hit, index) => (
              <Hit
                key={`${hit.kind} ${hit.id}`}
                hit={hit}
                id={`${id}-${index}`}
                chosen={index === at}
                onChoose={() => search.go(hrefOf(hit))}
              />
            ))}
          </ul>
          <p className={hits.length === 0 ? styles.nothing : undefined} role="status">
            {search.status}
          </p>
        </div>
      )}
    </div>
  );
}

/** The typed text, the hits, and the selected one. */
function useSearch() {
  const [text, setText] = useState('');
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const [, navigate] = useLocation();
  const input = useRef<HTMLInputElement>(null);
  const asked = useSettled(text.trim());
  const answer = useApi<FoundList>(`find?q=${encodeURIComponent(asked)}`, {
    enabled: open && asked.length > 1,
  });
  const found = asked.length > 1 && asked === text.trim() ? answer.data?.data : undefined;
  const hits = found ?? [];

  const before = useRef<Element | null>(null);
  const close = (): void => setOpen(false);
  /** Clears the search and returns the focus. */
  const leave = (): void => {
    setText('');
    close();
    const { current } = before;
    before.current = null;
    input.current?.blur();
    // On phones the button must be visible again first.
    requestAnimationFrame(() => {
      if (current instanceof HTMLElement && current.isConnected) current.focus();
    });
  };
  const start = (): void => {
    if (document.activeElement !== input.current) before.current = document.activeElement;
    setOpen(true);
    input.current?.focus();
    // On phones the field is visible, and so focusable, only after this.
    requestAnimationFrame(() => input.current?.focus());
  };
  useKeys({
    '/': (event) => {
      event.preventDefault();
      start();
    },
  });
  const go = (href: string): void => {
    setText('');
    close();
    input.current?.blur();
    navigate(href);
  };
  const type = (next: string): void => {
    setText(next);
    setOpen(true);
    setAt(0);
  };
  const press = (event: React.KeyboardEvent): void => {
    if (event.key === 'Escape') {
      leave();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (hits.length > 0) setAt((at + step + hits.length) % hits.length);
    } else if (event.key === 'Enter') {
      const chosen = hits[at];
      const href = chosen ? hrefOf(chosen) : hrefOfId(text.trim());
      if (href !== null) go(href);
    }
  };
  const shown = open && text.trim().length > 1;
  const status = hits.length === 0 ? formatSearchStatus(found, answer.error !== undefined, asked) : '';
  return { text, open, at, input, shown, hits, status, start, close, go, type, press };
}

interface HitProps {
  hit: FoundObject;
  id: string;
  chosen: boolean;
  onChoose: () => void;
}

function Hit({ hit, id, chosen, onChoose }: HitProps) {
  return (
    <li
      id={id}
      role="option"
      aria-selected={chosen}
      className={styles.option}
      // Before the field loses the focus, which closes the list.
      onPointerDown={(event) => {
        event.preventDefault();
        onChoose();
      }}
    >
      <span className={styles.kind}>{hit.kind.replace('_', ' ')}</span>
      <span className={styles.name}>{hit.id}</span>
      <span className={styles.label}>{hit.label}</span>
    </li>
  );
}

function formatSearchStatus(found: FoundObject[] | undefined, failed: boolean, asked: string): string {
  if (failed && found === undefined)
    return 'The search is not responding. Enter a full id and press Enter to open it.';
  if (found === undefined) return asked.length > 1 ? 'Searching…' : '';
  return 'Nothing has this id, SKU, customer or payment reference.';
}

function hrefOf({ kind, id, orders }: FoundObject): string {
  const name = encodeURIComponent(id);
  switch (kind) {
    case 'order':
      return `/orders/${name}`;
    case 'reservation':
      return `/reservations/${name}`;
    case 'dead_letter':
      return `/review/${name}`;
    case 'product':
      return `/products/${name}`;
    case 'customer':
      return orders === 0 ? hrefOfCustomer(id) : `/orders?customerId=${name}`;
  }
}

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
