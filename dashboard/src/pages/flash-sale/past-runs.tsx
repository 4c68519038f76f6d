import type { LoadTest } from '../../api/openapi';
import { Panel } from '../../components/layout/panel';
import { type Column, DataTable } from '../../components/tables/data-table';
import { Badge } from '../../components/values/badge';
import { Id, None, When } from '../../components/values/figures';
import { formatDuration } from '../../formatting/durations';
import { formatCount, formatDecimal } from '../../formatting/numbers';
import { runBadges } from './run-status';

/** Past rehearsals, newest first. */
export function PastRuns({ runs, open }: { runs: readonly LoadTest[]; open: string | undefined }) {
  const past = runs.filter(({ id, status }) => id !== open || status !== 'running');
  if (past.length === 0) return null;
  return (
    <Panel title="Past rehearsals" flush>
      <DataTable
        caption="Past rehearsals, newest first"
        columns={columns}
        rows={past}
        rowKey={({ id }) => id}
        rowHref={({ id }) => `/flash-sale/${id}`}
      />
    </Panel>
  );
}

/** The lane that sold out first. */
const fastest = ({ lanes }: LoadTest) =>
  lanes
    .filter(({ soldOutSeconds }) => soldOutSeconds !== null)
    .toSorted((one, other) => one.soldOutSeconds! - other.soldOutSeconds!)[0];

const oversoldOf = ({ lanes }: LoadTest) => lanes.reduce((sum, { oversold }) => sum + (oversold ?? 0), 0);

const columns: Column<LoadTest>[] = [
  { key: 'run', head: 'Run', isHead: true, cell: ({ id }) => <Id id={id} href={`/flash-sale/${id}`} /> },
  { key: 'when', head: 'When', cell: ({ startedAt }) => <When at={startedAt} /> },
  {
    key: 'size',
    head: 'Buyers, units',
    phone: 'hide',
    cell: ({ buyers, units }) => `${formatCount(buyers)}, ${formatCount(units)}`,
  },
  {
    key: 'lanes',
    head: 'Lanes',
    align: 'end',
    phone: 'hide',
    cell: ({ lanes }) => formatCount(lanes.length),
  },
  { key: 'fastest', head: 'Fastest', phone: 'hide', cell: (run) => fastest(run)?.strategy ?? <None /> },
  {
    key: 'rate',
    head: 'Taken /s',
    align: 'end',
    phone: 'hide',
    cell: (run) => figure(fastest(run)?.takenPerSecond, formatDecimal),
  },
  {
    key: 'p99',
    head: 'p99',
    align: 'end',
    phone: 'hide',
    cell: (run) => figure(fastest(run)?.answerP99Ms, formatDuration),
  },
  { key: 'oversold', head: 'Oversold', align: 'end', cell: (run) => formatCount(oversoldOf(run)) },
  { key: 'verdict', head: 'Audit after', cell: ({ status }) => <Badge badge={runBadges[status]} plain /> },
];

const figure = (value: number | null | undefined, format: (value: number) => string) =>
  value == null ? <None /> : format(value);
