import { useEffect, useRef, useState } from 'react';
import styles from './data-table.module.css';

/**
 * Content wider than the page scrolls in its own box. The box is focusable only then, so that the arrow keys scroll
 * it.
 */
export function ScrollBox({ label, children }: { label: string; children: React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const parent = box.current;
    if (parent === null) return;
    const observer = new ResizeObserver(() => setScrolls(parent.scrollWidth > parent.clientWidth + 1));
    observer.observe(parent);
    if (parent.firstElementChild) observer.observe(parent.firstElementChild);
    return () => observer.disconnect();
  }, []);
  const focusable = scrolls ? { tabIndex: 0, role: 'region', 'aria-label': label } : {};
  return (
    <div ref={box} className={styles.scroll} {...focusable}>
      {children}
    </div>
  );
}
