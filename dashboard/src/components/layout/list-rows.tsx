import { Link } from 'wouter';
import { classes } from '../../theme/classes';
import { Picker } from '../forms/filters';
import styles from './list-rows.module.css';

interface ListHeadProps<Sort extends string> {
  /** The number of items. */
  title: React.ReactNode;
  sort: Sort;
  sorts: readonly { value: Sort; label: string }[];
  onSort: (sort: Sort) => void;
  /** The filters. */
  children: React.ReactNode;
}

export function ListHead<Sort extends string>({ title, sort, sorts, onSort, children }: ListHeadProps<Sort>) {
  return (
    <header className={styles.head}>
      <h2>{title}</h2>
      <Picker
        label="Sort by"
        labelUnseen
        value={sort}
        options={sorts}
        onChange={(value) => onSort(value as Sort)}
      />
      {children}
    </header>
  );
}

interface ListRowProps {
  href: string;
  isOpen: boolean;
  /** Sets the spacing of its lines. */
  className: string | undefined;
  children: React.ReactNode;
}

/** A row of the list. The whole row is the link. */
export function ListRow({ href, isOpen, className, children }: ListRowProps) {
  return (
    <li data-row data-href={href} tabIndex={-1} className={classes(styles.row, isOpen && styles.open)}>
      <Link
        href={href}
        className={classes(styles.link, className)}
        aria-current={isOpen ? 'true' : undefined}
      >
        {children}
      </Link>
    </li>
  );
}

/** Content at both ends of a line. */
export function RowLine({ quiet, children }: { quiet?: boolean; children: React.ReactNode }) {
  return <span className={classes(styles.line, quiet && styles.quiet)}>{children}</span>;
}

/** A name that is truncated when space is short. */
export const RowName = ({ children }: { children: React.ReactNode }) => (
  <span className={styles.name}>{children}</span>
);
