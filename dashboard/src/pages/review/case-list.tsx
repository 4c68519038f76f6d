import { CircleCheck } from 'lucide-react';
import { Link } from 'wouter';
import type { ReviewCase, ReviewKind, ReviewMessage } from '../../api/shapes/review';
import { classes } from '../../look/classes';
import { useLetters } from '../../look/key-presses';
import { Badge } from '../../parts/badge';
import { Ago, Id, Money } from '../../parts/figures';
import { Picker, Segments } from '../../parts/filters';
import { Panel } from '../../parts/panel';
import { moneyList } from '../../words/money';
import { count, plural } from '../../words/numbers';
import styles from './case-list.module.css';

export type CaseSort = 'money' | 'age';

interface CaseListProps {
  cases: readonly ReviewCase[];
  counts: ReviewMessage['counts'];
  at: number;
  /** The case that is open. */
  open: string | undefined;
  kind: ReviewKind | 'all';
  onKind: (kind: ReviewKind | 'all') => void;
  sort: CaseSort;
  onSort: (sort: CaseSort) => void;
}

export function CaseList({ cases, counts, at, open, kind, onKind, sort, onSort }: CaseListProps) {
  const total = counts.stuck + counts.unknown + counts.dead_letter;
  const letters = useLetters();
  return (
    <Panel flush>
      <header className={styles.head}>
        <h2>
          <b>{plural(total, 'case')}</b> <span>{atRisk(cases)}</span>
        </h2>
        <Picker
          label="Order of the list"
          labelUnseen
          value={sort}
          options={[
            { value: 'money', label: 'Most money first' },
            { value: 'age', label: 'Oldest first' },
          ]}
          onChange={(value) => onSort(value as CaseSort)}
        />
        <Segments
          label="Kind of case"
          value={kind}
          options={[
            { value: 'all', label: 'All', count: total },
            { value: 'stuck', label: 'Stuck', count: counts.stuck },
            { value: 'unknown', label: 'Unknown', count: counts.unknown },
            { value: 'dead_letter', label: 'Dead', count: counts.dead_letter },
          ]}
          onChange={(value) => onKind(value as ReviewKind | 'all')}
        />
      </header>
      {cases.length === 0 ? (
        <p className={styles.fine}>
          <CircleCheck size={16} aria-hidden />{' '}
          {total === 0 ? 'Nothing needs a person.' : 'No case of this kind.'}
        </p>
      ) : (
        <ul className={styles.cases}>
          {cases.map((one) => (
            <CaseRow key={one.id} one={one} at={at} isOpen={one.id === open} />
          ))}
        </ul>
      )}
      {total > cases.length && kind === 'all' ? (
        <p className={styles.foot}>The first {count(cases.length)} are shown.</p>
      ) : null}
      {letters && cases.length > 0 ? (
        <p className={styles.foot} aria-hidden="true">
          <kbd>J</kbd> <kbd>K</kbd> move <kbd>Enter</kbd> open <kbd>R</kbd> retry <kbd>C</kbd> compensate{' '}
          <kbd>M</kbd> mark
        </p>
      ) : null}
    </Panel>
  );
}

function CaseRow({ one, at, isOpen }: { one: ReviewCase; at: number; isOpen: boolean }) {
  const href = `/review/${one.id}`;
  return (
    <li data-row data-href={href} tabIndex={-1} className={classes(styles.row, isOpen && styles.open)}>
      <Link href={href} className={styles.link} aria-current={isOpen ? 'true' : undefined}>
        <span className={styles.line}>
          <Badge kind="case" status={one.kind} />
          {one.moneyAtRisk ? (
            <b>
              <Money of={one.moneyAtRisk} />
            </b>
          ) : (
            <span className={styles.quiet}>no money</span>
          )}
        </span>
        <span className={styles.title}>{one.title}</span>
        <span className={classes(styles.line, styles.quiet)}>
          <Id id={one.id} />
          <span>
            waiting <Ago seconds={one.sinceSeconds} at={at} />
          </span>
        </span>
      </Link>
    </li>
  );
}

/** One sum per currency: they are never added up. */
function atRisk(cases: readonly ReviewCase[]): string {
  const sums = new Map<string, number>();
  for (const { moneyAtRisk } of cases)
    if (moneyAtRisk)
      sums.set(moneyAtRisk.currency, (sums.get(moneyAtRisk.currency) ?? 0) + moneyAtRisk.amount);
  const amounts = [...sums].map(([currency, amount]) => ({ amount, currency }));
  return amounts.length === 0 ? '' : `${moneyList(amounts)} at risk`;
}
