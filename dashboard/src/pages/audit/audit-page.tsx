import { useState } from 'react';
import { Link } from 'wouter';
import type { Action } from '../../api/openapi';
import { useList } from '../../api/use-api';
import { Button } from '../../components/forms/button';
import { Filters, Picker, TextFilter } from '../../components/forms/filters';
import { periods, startOfPeriod } from '../../components/forms/periods';
import { useFilters } from '../../components/forms/use-filters';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import { Panel } from '../../components/layout/panel';
import { Empty, LoadError, Loading } from '../../components/layout/states';
import { type Column, DataTable, ListFoot } from '../../components/tables/data-table';
import { Clip, Id, None, When } from '../../components/values/figures';
import { plural } from '../../formatting/numbers';
import { ActionDialog } from './action-dialog';
import { hrefOfObject } from './objects';
import styles from './audit.module.css';

const LIMIT = 50;
const names = ['actor', 'action', 'objectType', 'objectId'] as const;

/** Who did what, and why? */
export default function AuditPage() {
  useSetBreadcrumbs({ here: 'Audit log' });
  const filters = useFilters();
  const [opened, setOpened] = useState<Action | null>(null);
  const period = filters.get('period') ?? 'all';
  const path = pathOf(filters.get, period);
  const list = useList<Action>(path);
  return (
    <>
      <Filters>
        <TextFilter label="Who" value={filters.get('actor')} onChange={(actor) => filters.set({ actor })} />
        <TextFilter
          label="Action"
          placeholder="saga.retry"
          value={filters.get('action')}
          onChange={(action) => filters.set({ action })}
        />
        <TextFilter
          label="Object"
          placeholder="id or SKU"
          value={filters.get('objectId')}
          onChange={(objectId) => filters.set({ objectId })}
        />
        <Picker
          label="Period"
          value={period}
          options={periods}
          onChange={(value) => filters.set({ period: value === 'all' ? null : value })}
        />
      </Filters>
      <Panel title="Manual actions" note="kept forever, never edited" flush>
        {list.rows ? (
          <DataTable
            key={path}
            caption="Audit log"
            columns={columnsFor(setOpened)}
            rows={list.rows}
            rowKey={({ id }) => id}
            empty={<Nothing count={filters.count} clear={filters.clear} />}
            foot={(shown) => <ListFoot list={list}>{plural(shown, 'action')} shown, newest first</ListFoot>}
          />
        ) : list.error ? (
          <LoadError what="the audit log" problem={list.error} retry={list.refetch} />
        ) : (
          <Loading rows={10} />
        )}
      </Panel>
      <ActionDialog action={opened} onClose={() => setOpened(null)} />
    </>
  );
}

function pathOf(get: (name: string) => string | null, period: string): string {
  const query = new URLSearchParams({ limit: String(LIMIT) });
  for (const name of names) {
    const value = get(name);
    if (value !== null) query.set(name, value);
  }
  const from = startOfPeriod(period);
  if (from !== null) query.set('from', from);
  return `actions?${query.toString()}`;
}

const columnsFor = (open: (action: Action) => void): Column<Action>[] => [
  { key: 'at', head: 'When', cell: ({ at }) => <When at={at} /> },
  {
    key: 'actor',
    head: 'Who',
    cell: ({ actor }) => (
      <span className={styles.who}>
        <Clip text={actor} />
      </span>
    ),
  },
  {
    key: 'action',
    head: 'Action',
    isHead: true,
    cell: (action) => (
      <button type="button" className={styles.open} data-open onClick={() => open(action)}>
        {action.action}
      </button>
    ),
  },
  { key: 'object', head: 'Object', phone: 'hide', cell: (action) => <Subject action={action} /> },
  {
    key: 'reason',
    head: 'Reason',
    phone: 'hide',
    cell: ({ reason }) => <div className={styles.reason}>{reason ?? <None />}</div>,
  },
];

function Subject({ action }: { action: Action }) {
  const href = hrefOfObject(action);
  return (
    <>
      <span className={styles.note}>{action.objectType}</span>{' '}
      {action.objectType === 'product' && href ? (
        <Link href={href}>
          <Clip text={action.objectId} code />
        </Link>
      ) : (
        <Id id={action.objectId} href={href ?? undefined} />
      )}
    </>
  );
}

function Nothing({ count, clear }: { count: number; clear: () => void }) {
  if (count === 0) return <Empty title="No manual actions yet. Each one will appear here." />;
  const set = count === 1 ? '1 filter is set.' : `${count} filters are set.`;
  return (
    <Empty title={`No action matches. ${set}`}>
      <Button small onClick={clear}>
        Clear filters
      </Button>
    </Empty>
  );
}
