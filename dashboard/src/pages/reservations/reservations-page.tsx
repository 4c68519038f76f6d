import { Download } from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import type { ReleaseFilter, Returning } from '../../api/shapes/reservations';
import { useApi } from '../../api/use-api';
import { BulkBar } from '../../parts/bulk-bar';
import { ActButton, Button } from '../../parts/button';
import { DataTable, ListFoot } from '../../parts/data-table';
import { Filters, StatusFilter, TextFilter, ToggleFilter } from '../../parts/filters';
import page from '../../parts/page.module.css';
import { Panel } from '../../parts/panel';
import { usePlace } from '../../parts/place';
import { ReturnChart } from '../../parts/return-chart/return-chart';
import { Empty, Loading, Trouble } from '../../parts/states';
import { useFilters } from '../../parts/use-filters';
import { count, noun, plural, upTo } from '../../words/numbers';
import { capital } from '../../words/statuses';
import { csvOf } from './csv';
import { ReleaseMany } from './release-many';
import { reservationColumns } from './reservation-columns';
import {
  type ReservationView,
  allStatuses,
  isLiveOnly,
  queryOf,
  releaseFilterOf,
  viewOf,
} from './reservation-filters';
import styles from './reservations.module.css';
import { type ReservationRow, useReservations } from './use-reservations';

/** Who holds what, for how long? */
export default function ReservationsPage() {
  usePlace({ here: 'Reservations' });
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
        {list.trouble && !rows ? (
          <Trouble what="reservations" problem={list.trouble} again={list.again} />
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
                {isLiveOnly(view) ? 'Soonest first.' : 'Newest first.'} {count(shown)}
                {matching === null ? '' : ` of ${upTo(matching)}`} shown.
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
      <ActButton small onClick={() => onRelease('all')}>
        All active that match…
      </ActButton>
      <ActButton small onClick={() => onRelease('picked')}>
        Release…
      </ActButton>
    </BulkBar>
  );
}

const Chosen = ({ rows }: { rows: readonly ReservationRow[] }) => (
  <>
    <b>{count(rows.length)}</b> selected, {plural(unitsOf(rows), 'unit')}
  </>
);

const unitsOf = (rows: readonly ReservationRow[]) =>
  rows.reduce((sum, { lines }) => sum + lines.reduce((units, { quantity }) => units + quantity, 0), 0);

function whyNotChosen({ status }: ReservationRow): string | null {
  if (status === 'active') return null;
  return status === 'pinned'
    ? 'A charge is in flight; it ends by the saga, not by hand.'
    : 'It has ended; there is nothing to release.';
}

/** How often it is asked for what comes back: no topic carries it for every SKU at once. */
const refetchMs = 2_500;

function ComingBack({ sku }: { sku: string | null }) {
  const { data, trouble, again } = useApi<Returning>(returningPath(sku), { refetchMs });
  if (trouble && !data)
    return (
      <Panel>
        <Trouble what="what comes back" problem={trouble} again={again} />
      </Panel>
    );
  return (
    <Panel
      title={`Stock coming back${sku ? `, ${sku}` : ''}`}
      note="units per 10 s if nobody pays"
      action={
        data ? (
          <span>
            <b className={styles.soon}>{count(data.withinMinute)}</b> {noun(data.withinMinute, 'unit')} within
            60 s, <b>{count(data.active.units)}</b> held by {plural(data.active.reservations, 'reservation')}
          </span>
        ) : undefined
      }
      flush
    >
      {data ? <ReturnChart returning={data} /> : <Loading rows={2} />}
    </Panel>
  );
}

const returningPath = (sku: string | null) =>
  `reservations/returning${sku ? `?sku=${encodeURIComponent(sku)}` : ''}`;

/** How many there are of the two live statuses; what ended is too much to be counted for a label. */
function useStatusOptions({ sku, customerId }: ReservationView) {
  const { data } = useApi<Returning>(returningPath(sku));
  return allStatuses.map((value) => ({
    value,
    label: capital(value),
    // Of one customer they are counted by the list itself.
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

/** The rows as they are on the page, as a file. */
function saveAsCsv(rows: readonly ReservationRow[]): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([csvOf(rows)], { type: 'text/csv;charset=utf-8' }));
  link.download = `reservations-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}Z.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function NoReservations() {
  const filters = useFilters();
  if (filters.count === 0)
    return <Empty title="Nobody holds anything now. The next reservation appears here by itself." />;
  return (
    <Empty
      title={`No reservation matches. ${plural(filters.count, 'filter is', 'filters are')} set.`}
      action={<Button onClick={filters.clear}>Clear filters</Button>}
    />
  );
}
