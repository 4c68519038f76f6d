import { CircleCheck } from 'lucide-react';
import type { ReviewCase, ReviewKind, ReviewMessage } from '../../api/openapi';
import type { ListState } from '../../api/use-api';
import { useLetters } from '../../browser/key-presses';
import { Segments } from '../../components/forms/filters';
import { ListHead, ListRow, RowLine, RowName } from '../../components/layout/list-rows';
import { Panel } from '../../components/layout/panel';
import { ListFoot } from '../../components/tables/data-table';
import { StatusBadge } from '../../components/values/badge';
import { Ago, Id, Money } from '../../components/values/figures';
import { formatMoneyList } from '../../formatting/money';
import { formatCount, plural } from '../../formatting/numbers';
import styles from './case-list.module.css';

export type CaseSort = 'money' | 'age';

interface CaseListProps {
  cases: readonly ReviewCase[];
  list: ListState<ReviewCase>;
  /** Totals over all cases, loaded or not; null until the stream has sent them. */
  totals: Pick<ReviewMessage, 'counts' | 'moneyAtRisk'> | null;
  at: number;
  /** The open case. */
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

export function CaseList({ cases, list, totals, at, open, kind, onKind, sort, onSort }: CaseListProps) {
  const { counts, total, moneyAtRisk } = totals ? known(totals) : counted(cases);
  const letters = useLetters();
  return (
    <Panel flush>
      <ListHead
        title={
          <>
            <b>{plural(total, 'case')}</b>{' '}
            <span className={styles.quiet}>
              {moneyAtRisk.length > 0 ? `${formatMoneyList(moneyAtRisk)} at risk` : ''}
            </span>
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
            { value: 'payment', label: 'Payment', count: counts.payment },
            { value: 'webhook_endpoint_failing', label: 'Webhook', count: counts.webhook },
          ]}
          onChange={(value) => onKind(value as ReviewKind | 'all')}
        />
      </ListHead>
      {cases.length === 0 ? (
        <p className={styles.fine}>
          <CircleCheck size={16} aria-hidden />{' '}
          {total === 0 ? 'Nothing needs review.' : 'No case of this kind.'}
        </p>
      ) : (
        <ul>
          {cases.map((one) => (
            <CaseRow key={one.id} one={one} at={at} isOpen={one.id === open} />
          ))}
        </ul>
      )}
      {list.hasMore ? (
        <p className={styles.foot}>
          <ListFoot list={list}>{formatCount(cases.length)} shown.</ListFoot>
        </p>
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
        <StatusBadge kind="case" status={one.kind} />
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

const known = ({ counts, moneyAtRisk }: Pick<ReviewMessage, 'counts' | 'moneyAtRisk'>) => ({
  counts,
  total: counts.stuck + counts.unknown + counts.dead_letter + counts.payment + counts.webhook,
  moneyAtRisk,
});

/** Until the stream has sent totals: those of the loaded cases. One sum per currency; they are never added up. */
function counted(cases: readonly ReviewCase[]) {
  const of = (kind: ReviewKind) => cases.filter((one) => one.kind === kind).length;
  const sums = new Map<string, number>();
  for (const { moneyAtRisk } of cases)
    if (moneyAtRisk)
      sums.set(moneyAtRisk.currency, (sums.get(moneyAtRisk.currency) ?? 0) + moneyAtRisk.amount);
  return known({
    counts: {
      stuck: of('stuck'),
      unknown: of('unknown'),
      dead_letter: of('dead_letter'),
      payment: of('payment') + of('payment_task'),
      webhook: of('webhook_endpoint_failing'),
    },
    moneyAtRisk: [...sums].map(([currency, amount]) => ({ amount, currency })),
  });
}
