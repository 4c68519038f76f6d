import { ChevronLeft } from 'lucide-react';
import { useEffect } from 'react';
import { Link, useLocation } from 'wouter';
import { classes } from '../../theme/classes';
import styles from './list-detail.module.css';

/** From this width on the list and the one that is open stand side by side; the stylesheet has the same number. */
const sideBySide = '(width >= 1100px)';

interface ListDetailProps {
  /** One of the list is open. */
  isOpen: boolean;
  list: React.ReactNode;
  /** The one that is open. */
  children: React.ReactNode;
}

/** A list, and beside it the one of it that is open; where there is no room for both, they are two pages. */
export function ListDetail({ isOpen, list, children }: ListDetailProps) {
  return (
    <div className={classes(styles.page, isOpen && styles.opened)}>
      <div className={styles.list}>{list}</div>
      <div className={styles.one}>{children}</div>
    </div>
  );
}

/**
 * Opens the first of the list while none is open, where there is room for both. The one that is open is in the address
 * from the start: a list that changes order must not change what is acted on.
 */
export function useFirstOpen(isOpen: boolean, firstHref: string | undefined): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    if (!isOpen && firstHref !== undefined && matchMedia(sideBySide).matches)
      navigate(firstHref, { replace: true });
  }, [isOpen, firstHref, navigate]);
}

/** The way back, seen only where list and one are two pages. */
export function BackToList({ href, children }: { href: string; children: React.ReactNode }) {
  return (
    <Link href={href} className={styles.back}>
      <ChevronLeft size={15} aria-hidden /> {children}
    </Link>
  );
}
