import { ChevronLeft } from 'lucide-react';
import { useEffect } from 'react';
import { Link, useLocation } from 'wouter';
import { classes } from '../../theme/classes';
import styles from './list-detail.module.css';

/** From this width on, the list and the open item stand side by side; the style sheet has the same number. */
const sideBySide = '(width >= 1100px)';

interface ListDetailProps {
  /** An item is open. */
  isOpen: boolean;
  list: React.ReactNode;
  /** The open item. */
  children: React.ReactNode;
}

/** A list with the open item beside it. On narrow screens they are two pages. */
export function ListDetail({ isOpen, list, children }: ListDetailProps) {
  return (
    <div className={classes(styles.page, isOpen && styles.opened)}>
      <div className={styles.list}>{list}</div>
      <div className={styles.one}>{children}</div>
    </div>
  );
}

/**
 * Opens the first item when none is open and there is room for both. The open item is in the URL, so a list that
 * reorders itself cannot change what the user acts on.
 */
export function useFirstOpen(isOpen: boolean, firstHref: string | undefined): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    if (!isOpen && firstHref !== undefined && matchMedia(sideBySide).matches)
      navigate(firstHref, { replace: true });
  }, [isOpen, firstHref, navigate]);
}

/** The link back to the list, visible only when list and item are two pages. */
export function BackToList({ href, children }: { href: string; children: React.ReactNode }) {
  return (
    <Link href={href} className={styles.back}>
      <ChevronLeft size={15} aria-hidden /> {children}
    </Link>
  );
}
