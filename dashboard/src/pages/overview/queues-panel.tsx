import { Link } from 'wouter';
import type { QueuesReport } from '../../api/shapes/queues';
import { Panel } from '../../components/layout/panel';
import { QueueTable, RedisNote } from '../queues/queue-table';

export function QueuesPanel({ report, at }: { report: QueuesReport; at: number }) {
  const where = report.backend === 'redis' ? 'Redis' : 'PostgreSQL';
  return (
    <Panel
      title="Queues and workers"
      note={`BullMQ on ${where}`}
      action={<Link href="/queues">Queues</Link>}
      flush
    >
      <RedisNote report={report} />
      <QueueTable report={report} at={at} />
    </Panel>
  );
}
