import { ExternalLink } from 'lucide-react';
import type { Outbox as OutboxReport, Overview, Queues, WorkerState } from '../../api/openapi';
import { type ApiState, useApi } from '../../api/use-api';
import { useAge } from '../../browser/tick';
import buttonStyles from '../../components/forms/button.module.css';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import page from '../../components/layout/page.module.css';
import { Panel } from '../../components/layout/panel';
import { Empty, Facts, LoadError, Loading } from '../../components/layout/states';
import { type Column, DataTable } from '../../components/tables/data-table';
import { Badge } from '../../components/values/badge';
import { Count, Id, None, When } from '../../components/values/figures';
import { formatAge, formatSeconds } from '../../formatting/durations';
import { formatUpTo, plural } from '../../formatting/numbers';
import { DeadLetters } from './dead-letters';
import { heartbeatBadge, QueueTable, RedisNote } from './queue-table';
import styles from './queues.module.css';

/** The polling interval for data that no stream topic carries. */
const AGAIN_MS = 5000;

export default function QueuesPage() {
  useSetBreadcrumbs({ here: 'Queues' });
  const overview = useApi<Overview>('overview');
  const outbox = useApi<OutboxReport>('outbox', { refetchMs: AGAIN_MS });
  const report = overview.data?.queues;
  return (
    <div className={styles.page}>
      <Panel
        title="Queues"
        note={report && `BullMQ on ${backend(report)}`}
        action={report && <BoardLink report={report} />}
        flush
      >
        {report && <RedisNote report={report} />}
        {report ? (
          <QueueTable report={report} at={overview.at} wide />
        ) : (
          <Waiting state={overview} what="the queues" rows={5} />
        )}
      </Panel>
      <div className={page.pair}>
        <Panel
          title="Workers"
          note={report && plural(report.workers.filter(({ alive }) => alive).length, 'alive', 'alive')}
          flush
        >
          {report ? (
            <Workers workers={report.workers} at={overview.at} />
          ) : (
            <Waiting state={overview} what="the workers" rows={3} />
          )}
        </Panel>
        <Panel title="Outbox" note="written in the same transaction as the change" flush>
          {outbox.data ? (
            <Outbox outbox={outbox.data} />
          ) : (
            <Waiting state={outbox} what="the outbox" rows={4} />
          )}
        </Panel>
      </div>
      <DeadLetters />
    </div>
  );
}

const backend = ({ backend: name }: Queues): string => (name === 'redis' ? 'Redis' : 'PostgreSQL');

/** The board is a separate document, so this is a plain link. */
function BoardLink({ report: { board } }: { report: Queues }) {
  if (board === null) return null;
  return (
    <a className={`${buttonStyles.button} ${buttonStyles.small}`} href={board}>
      Open job browser <ExternalLink size={13} aria-hidden />
    </a>
  );
}

function Waiting({ state, what, rows }: { state: ApiState<unknown>; what: string; rows: number }) {
  if (state.error) return <LoadError what={what} problem={state.error} retry={state.refetch} />;
  return <Loading rows={rows} />;
}

function Workers({ workers, at }: { workers: WorkerState[]; at: number }) {
  const columns: Column<WorkerState>[] = [
    { key: 'id', head: 'Worker', isHead: true, cell: ({ id }) => <Id id={id} full /> },
    { key: 'heartbeat', head: 'Heartbeat', cell: (worker) => <Heartbeat worker={worker} at={at} /> },
    { key: 'started', head: 'Started', phone: 'hide', cell: ({ startedAt }) => <When at={startedAt} /> },
    {
      key: 'queues',
      head: 'Busy / capacity',
      phone: 'hide',
      cell: ({ queues }) => (
        <span className={styles.plain}>
          {queues.map(({ name, active, concurrency }) => `${name} ${active} of ${concurrency}`).join(', ')}
        </span>
      ),
    },
  ];
  return (
    <DataTable
      caption="Workers"
      columns={columns}
      rows={workers}
      rowKey={({ id }) => id}
      empty={<Empty title="No worker is running. Orders are accepted but not processed. Start a worker." />}
    />
  );
}

function Heartbeat({ worker, at }: { worker: WorkerState; at: number }) {
  const heard = useAge(worker.heartbeatSeconds, at);
  if (worker.stopping) return <Badge plain badge={{ shape: 'none', tone: 'grey', label: 'stopping' }} />;
  const badge = heartbeatBadge(worker.alive ? 1 : 0, heard);
  return <Badge plain badge={badge} text={`${formatAge(heard)} ago`} />;
}

function Outbox({ outbox }: { outbox: OutboxReport }) {
  const { waiting, capped, due, relayed, oldestSeconds, deadLetters } = outbox;
  return (
    <div className={styles.pad}>
      <Facts
        items={[
          ['Waiting', capped ? formatUpTo(waiting, waiting) : <Count n={waiting} />],
          ['Overdue', <Count n={due} />],
          ['Being processed', <Count n={relayed} />],
          ['Oldest overdue', oldestSeconds === null ? <None /> : formatSeconds(oldestSeconds)],
          ['Dead letters', <Count n={deadLetters} />],
        ]}
      />
    </div>
  );
}
