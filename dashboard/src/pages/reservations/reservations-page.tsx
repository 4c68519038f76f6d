import { Download } from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import type { ReleaseFilter, Returning } from '../../api/openapi';
import { useApi } from '../../api/use-api';
import { ActionButton, Button } from '../../components/forms/button';
import { Filters, StatusFilter, TextFilter, ToggleFilter } from '../../components/forms/filters';
import { useFilters } from '../../components/forms/use-filters';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import page from '../../components/layout/page.module.css';
import { Panel } from '../../components/layout/panel';
import { Empty, LoadError, Loading } from '../../components/layout/states';
import { BulkBar } from '../../components/tables/bulk-bar';
import { DataTable, ListFoot } from '../../components/tables/data-table';
import { formatCount, formatUpTo, noun, plural } from '../../formatting/numbers';
import { capitalize } from '../../formatting/statuses';
import { csvOf } from './csv';
import { ExpiringStockChart } from './expiring-stock-chart';
import { ReleaseMany } from './release-many';
import { reservationColumns } from './reservation-columns';
import {
  allStatuses,
  isLiveOnly,
  queryOf,
  releaseFilterOf,
  type ReservationView,
  viewOf,
} from './reservation-filters';
import { type ReservationRow, useReservations } from './use-reservations';
import styles from './reservations.module.css';

/** Who holds what, for how long? */
export default function ReservationsPage() {
  useSetBreadcrumbs({ here: 'Reservations' });
  const filters = useFilters();
  const view = useMemo(() => viewOf(filters), [filters]);
  const query = queryOf(view);
  const { list, rows, matching, became } = useReservations(query);
  const columns = useMemo(() => reservationColumns(became, !isLiveOnly(view)), [became, view]);
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [release, setRelease] = useState<ReleaseFilter | null>(null);
  const shownRows = useRef<readonly ReservationRow[]>([]);
  const picked = rows?.filter(({ id }) => chosen.has(id)) ?? [];

  return (
    <div className={page.stack}>
      <ComingBack sku={view.sku} />
      <div className={styles.filters}>
        <ReservationFilters
          onExport={rows && rows.length > 0 ? () => saveAsCsv(shownRows.current) : undefined}
        />
      </div>
      <Panel flush>
        {list.error && !rows ? (
          <LoadError what="reservations" problem={list.error} retry={list.refetch} />
        ) : null}
        {list.loading ? <Loading rows={12} /> : null}
        {rows ? (
          <DataTable
            key={query}
            caption="Reservations"
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            rowHref={(row) => `/reservations/${row.id}`}
            select={{ chosen, onChange: setChosen, why: whyNotChosen }}
            live
            empty={<NoReservations />}
            pages={list.pages}
            shownRows={shownRows}
            foot={(shown) => (
              <ListFoot list={list}>
                {isLiveOnly(view) ? 'Soonest first.' : 'Newest first.'} {formatCount(shown)}
                {matching === null ? '' : ` of ${formatUpTo(matching)}`} shown.
              </ListFoot>
            )}
          />
        ) : null}
      </Panel>
      {picked.length > 0 ? (
        <ChosenBar
          picked={picked}
          onClear={() => setChosen(new Set())}
          onRelease={(which) =>
            setRelease(which === 'all' ? releaseFilterOf(view) : { ids: picked.map(({ id }) => id) })
          }
        />
      ) : null}
      {release ? (
        <ReleaseMany
          filter={release}
          onClose={() => setRelease(null)}
          onStarted={() => setChosen(new Set())}
        />
      ) : null}
    </div>
  );
}

interface ChosenBarProps {
  picked: readonly ReservationRow[];
  onClear: () => void;
  onRelease: (which: 'all' | 'picked') => void;
}

function ChosenBar({ picked, onClear, onRelease }: ChosenBarProps) {
  return (
    <BulkBar text={<Chosen rows={picked} />}>
      <Button small onClick={onClear}>
        Clear
      </Button>
      <ActionButton small onClick={() => onRelease('all')}>
        Select all matching…
      </ActionButton>
      <ActionButton small onClick={() => onRelease('picked')}>
        Release…
      </ActionButton>
    </BulkBar>
  );
}

const Chosen = ({ rows }: { rows: readonly ReservationRow[] }) => (
  <>
    <b>{formatCount(rows.length)}</b> selected, {plural(unitsOf(rows), 'unit')}
  </>
);

const unitsOf = (rows: readonly ReservationRow[]) =>
  rows.reduce((sum, { lines }) => sum + lines.reduce((units, { quantity }) => units + quantity, 0), 0);

function whyNotChosen({ status }: ReservationRow): string | null {
  if (status === 'active') return null;
  return status === 'pinned'
    ? 'A charge is in flight; the saga will end it.'
    : 'It has ended; there is nothing to release.';
}

/** The polling interval for expiring stock: no topic carries it for all SKUs. */
const refetchMs = 2_500;

function ComingBack({ sku }: { sku: string | null }) {
  const { data, error, refetch } = useApi<Returning>(returningPath(sku), { refetchMs });
  if (error && !data)
    return (
      <Panel>
        <LoadError what="expiring stock" problem={error} retry={refetch} />
      </Panel>
    );
  return (
    <Panel
      title={`Expiring stock${sku ? `, ${sku}` : ''}`}
      note="units per 10 s if no one pays"
      action={
        data ? (
          <span>
            <b className={styles.soon}>{formatCount(data.withinMinute)}</b> {noun(data.withinMinute, 'unit')}{' '}
            within 60 s, <b>{formatCount(data.active.units)}</b> held by{' '}
            {plural(data.active.reservations, 'reservation')}
          </span>
        ) : undefined
      }
      flush
    >
      {data ? <ExpiringStockChart returning={data} /> : <Loading rows={2} />}
    </Panel>
  );
}

const returningPath = (sku: string | null) =>
  `reservations/returning${sku ? `?sku=${encodeURIComponent(sku)}` : ''}`;

/** The counts of the two live statuses; ended ones are too many to count for a label. */
function useStatusOptions({ sku, customerId }: ReservationView) {
  const { data } = useApi<Returning>(returningPath(sku));
  return allStatuses.map((value) => ({
    value,
    label: capitalize(value),
    // For one customer, the list itself has the counts.
    count:
      customerId === null && (value === 'active' || value === 'pinned') ? data?.[value].reservations : null,
  }));
}

function ReservationFilters({ onExport }: { onExport: (() => void) | undefined }) {
  const filters = useFilters();
  const view = viewOf(filters);
  const options = useStatusOptions(view);
  return (
    <Filters>
      <StatusFilter
        label="Status"
        options={options}
        chosen={view.statuses}
        onChange={(status) => filters.set({ status, expiringWithinSeconds: null })}
      />
      <TextFilter label="SKU" value={view.sku} onChange={(sku) => filters.set({ sku })} />
      <TextFilter
        label="Customer"
        value={view.customerId}
        onChange={(customerId) => filters.set({ customerId })}
      />
      <ToggleFilter
        label="Ends within 60 s"
        on={view.endingWithin !== null}
        onChange={(on) => filters.set({ expiringWithinSeconds: on ? '60' : null })}
      />
      {onExport ? (
        <span className={styles.csv}>
          <Button icon={Download} onClick={onExport} aria-label="CSV of the rows shown">
            CSV
          </Button>
        </span>
      ) : null}
    </Filters>
  );
}

/** The rows on screen, as a file. */
function saveAsCsv(rows: readonly ReservationRow[]): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([csvOf(rows)], { type: 'text/csv;charset=utf-8' }));
  link.download = `reservations-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}Z.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function NoReservations() {
  const filters = useFilters();
  if (filters.count === 0) return <Empty title="No live reservations. New ones appear here automatically." />;
  return (
    <Empty
      title={`No reservation matches. ${plural(filters.count, 'filter is', 'filters are')} set.`}
      action={<Button onClick={filters.clear}>Clear filters</Button>}
    />
  );
}
