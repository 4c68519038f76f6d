import { useEffect, useRef, useState } from 'react';
import styles from './data-table.module.css';

/**
 * What is wider than the page scrolls in a box of its own, and the page does not. Only then the box can have focus, so
 * that the arrow keys move it.
 */
export function ScrollBox({ label, children }: { label: string; children: React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const parent = box.current;
    if (parent === null) return;
    const look = new ResizeObserver(() => setScrolls(parent.scrollWidth > parent.clientWidth + 1));
    look.observe(parent);
    if (parent.firstElementChild) look.observe(parent.firstElementChild);
    return () => look.disconnect();
  }, []);
  const focusable = scrolls ? { tabIndex: 0, role: 'region', 'aria-label': label } : {};
  return (
    <div ref={box} className={styles.scroll} {...focusable}>
      {children}
    </div>
  );
}
