import { Link } from 'wouter';
import type { Queues } from '../../api/openapi';
import { Panel } from '../../components/layout/panel';
import { QueueTable, RedisNote } from '../queues/queue-table';

export function QueuesPanel({ report, at }: { report: Queues; at: number }) {
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
