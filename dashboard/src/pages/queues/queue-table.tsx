import { TriangleAlert } from 'lucide-react';
import type { QueueState, Queues } from '../../api/openapi';
import { useAge } from '../../browser/tick';
import { Spark } from '../../components/charts/spark';
import { type Column, DataTable } from '../../components/tables/data-table';
import { Badge } from '../../components/values/badge';
import { Ago, Count, None } from '../../components/values/figures';
import { formatAge } from '../../formatting/durations';
import { formatCount, formatDecimal } from '../../formatting/numbers';
import type { BadgeStyle } from '../../formatting/statuses';
import styles from './queues.module.css';

/** A worker silent for longer than this is late, and then considered gone. */
const STRANGE_AFTER_S = 10;
const GONE_AFTER_S = 30;

/** The badge of a worker or a queue's workers, by the age of the last heartbeat. */
export function heartbeatBadge(alive: number, ageSeconds: number | null): BadgeStyle {
  if (alive === 0 || ageSeconds === null) return { shape: 'stuck', tone: 'bad', label: 'none alive' };
  const word = `${formatCount(alive)} alive, ${formatAge(ageSeconds)}`;
  if (ageSeconds > GONE_AFTER_S) return { shape: 'stuck', tone: 'bad', label: word };
  if (ageSeconds > STRANGE_AFTER_S) return { shape: 'clock', tone: 'warn', label: word };
  return { shape: 'done', tone: 'ok', label: word };
}

/** Orders do not depend on Redis; jobs do. */
export function RedisNote({ report: { trouble } }: { report: Queues }) {
  if (trouble === null) return null;
  return (
    <p className={styles.away}>
      <TriangleAlert size={15} aria-hidden /> {trouble.replace(/\.?$/, '.')} Orders are still accepted; jobs
      wait.
    </p>
  );
}

const number = (
  name: 'waiting' | 'active' | 'delayed',
  head: string,
  phone?: 'hide',
): Column<QueueState> => ({
  key: name,
  head,
  align: 'end',
  phone,
  cell: (queue) => (queue[name] === null ? <None>unknown</None> : <Count n={queue[name]} />),
});

/** The queues; with `wide`, also a sparkline of the last minute. */
export function QueueTable({ report, at, wide }: { report: Queues; at: number; wide?: boolean }) {
  const columns: Column<QueueState>[] = [
    { key: 'name', head: 'Queue', isHead: true, cell: ({ name }) => name },
    number('waiting', 'Waiting'),
    number('active', 'Active'),
    number('delayed', 'Delayed', 'hide'),
    { key: 'failed', head: 'Failed', align: 'end', cell: ({ failed }) => <Failed failed={failed} /> },
    {
      key: 'done',
      head: 'Done /s',
      align: 'end',
      phone: 'hide',
      cell: ({ donePerSecond }) => (donePerSecond === 0 ? <None>0</None> : formatDecimal(donePerSecond)),
    },
    {
      key: 'oldest',
      head: 'Oldest',
      phone: 'hide',
      cell: ({ oldestSeconds }) =>
        oldestSeconds === null ? <None /> : <Ago key={oldestSeconds} seconds={oldestSeconds} at={at} />,
    },
    {
      key: 'workers',
      head: 'Workers, last heartbeat',
      phone: 'hide',
      cell: ({ workersAlive, heartbeatSeconds }) => (
        <Heartbeat alive={workersAlive} heardSeconds={heartbeatSeconds} at={at} />
      ),
    },
  ];
  if (wide) {
    columns.splice(6, 0, {
      key: 'series',
      head: 'Last minute',
      phone: 'hide',
      cell: ({ doneSeries }) => <Spark values={doneSeries} width={96} height={22} />,
    });
  }
  return <DataTable caption="Queues" columns={columns} rows={report.queues} rowKey={({ name }) => name} />;
}

function Failed({ failed }: { failed: number | null }) {
  if (failed === null) return <None>unknown</None>;
  return failed === 0 ? <Count n={0} /> : <span className={styles.failed}>{formatCount(failed)}</span>;
}

function Heartbeat({ alive, heardSeconds, at }: { alive: number; heardSeconds: number | null; at: number }) {
  const heard = useAge(heardSeconds ?? 0, at);
  return <Badge plain badge={heartbeatBadge(alive, heardSeconds === null ? null : heard)} />;
}
