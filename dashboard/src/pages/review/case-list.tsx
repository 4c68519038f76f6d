import { CircleCheck } from 'lucide-react';
import type { ReviewCase, ReviewKind, ReviewMessage } from '../../api/shapes/review';
import { useLetters } from '../../look/key-presses';
import { Badge } from '../../parts/badge';
import { Ago, Id, Money } from '../../parts/figures';
import { Segments } from '../../parts/filters';
import { ListHead, ListRow, RowLine, RowName } from '../../parts/list-and-one/list-rows';
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

const sorts = [
  { value: 'money', label: 'Most money first' },
  { value: 'age', label: 'Oldest first' },
] as const;

export function CaseList({ cases, counts, at, open, kind, onKind, sort, onSort }: CaseListProps) {
  const total = counts.stuck + counts.unknown + counts.dead_letter;
  const letters = useLetters();
  return (
    <Panel flush>
      <ListHead
        title={
          <>
            <b>{plural(total, 'case')}</b> <span className={styles.quiet}>{atRisk(cases)}</span>
          </>
        }
        sort={sort}
        sorts={sorts}
        onSort={onSort}
      >
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
      </ListHead>
      {cases.length === 0 ? (
        <p className={styles.fine}>
          <CircleCheck size={16} aria-hidden />{' '}
          {total === 0 ? 'Nothing needs a person.' : 'No case of this kind.'}
        </p>
      ) : (
        <ul>
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
  return (
    <ListRow href={`/review/${one.id}`} isOpen={isOpen} className={styles.case}>
      <RowLine>
        <Badge kind="case" status={one.kind} />
        {one.moneyAtRisk ? (
          <b>
            <Money of={one.moneyAtRisk} />
          </b>
        ) : (
          <span className={styles.quiet}>no money</span>
        )}
      </RowLine>
      <RowName>{one.title}</RowName>
      <RowLine quiet>
        <Id id={one.id} />
        <span>
          waiting <Ago seconds={one.sinceSeconds} at={at} />
        </span>
      </RowLine>
    </ListRow>
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
