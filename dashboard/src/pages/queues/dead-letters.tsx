import { useState } from 'react';
import { send } from '../../api/client';
import type { DeadLetter } from '../../api/openapi';
import { useInvalidate, useList } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { useToast } from '../../components/feedback/toasts';
import { ActionButton } from '../../components/forms/button';
import { Panel } from '../../components/layout/panel';
import { Empty, LoadError, Loading } from '../../components/layout/states';
import { type Column, DataTable, ListFoot } from '../../components/tables/data-table';
import { StatusBadge } from '../../components/values/badge';
import { Clip, Id, When } from '../../components/values/figures';
import { hrefOfId, shortId } from '../../formatting/ids';
import { plural } from '../../formatting/numbers';
import styles from './queues.module.css';

/** Messages that failed every attempt. Nothing is lost: each can be retried. */
export function DeadLetters() {
  const list = useList<DeadLetter>('dead-letters', { refetchMs: 10_000 });
  const [letter, setLetter] = useState<DeadLetter | null>(null);
  const columns: Column<DeadLetter>[] = [
    { key: 'died', head: 'Failed', cell: ({ diedAt }) => <When at={diedAt} /> },
    { key: 'id', head: 'Message', isHead: true, cell: ({ id }) => <Id id={id} href={`/review/${id}`} /> },
    { key: 'type', head: 'Type', cell: ({ type }) => <code>{type}</code> },
    { key: 'about', head: 'About', phone: 'hide', cell: ({ aggregateId }) => <About id={aggregateId} /> },
    {
      key: 'reason',
      head: 'Why',
      phone: 'hide',
      cell: ({ reason }) => <Clip text={reason} wide />,
    },
    { key: 'attempts', head: 'Attempts', align: 'end', phone: 'hide', cell: ({ attempts }) => attempts },
    {
      key: 'retry',
      head: <span className="unseen">Retry</span>,
      align: 'end',
      cell: (row) => (
        <ActionButton small aria-label={`Retry ${row.id}`} onClick={() => setLetter(row)}>
          Retry
        </ActionButton>
      ),
    },
  ];
  return (
    <Panel title="Dead letters" note="out of attempts" flush>
      {list.rows ? (
        <DataTable
          caption="Dead letters"
          columns={columns}
          rows={list.rows}
          rowKey={({ id }) => id}
          empty={
            <Empty title="No dead letters.">
              <StatusBadge plain kind="promise" status="holds" text="All messages delivered or in progress" />
            </Empty>
          }
          foot={(shown) => <ListFoot list={list}>{plural(shown, 'dead letter')} shown</ListFoot>}
        />
      ) : list.error ? (
        <LoadError what="the dead letters" problem={list.error} retry={list.refetch} />
      ) : (
        <Loading rows={3} />
      )}
      {letter && <RetryDialog letter={letter} onClose={() => setLetter(null)} />}
    </Panel>
  );
}

function About({ id }: { id: string }) {
  const href = hrefOfId(id);
  return <Id id={id} href={href ?? undefined} />;
}

function RetryDialog({ letter, onClose }: { letter: DeadLetter; onClose: () => void }) {
  const invalidate = useInvalidate();
  const toast = useToast();
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={`Retry ${letter.type}?`}
      note={
        <span className={styles.plain}>
          {shortId(letter.id)}, {plural(letter.attempts, 'attempt')} so far: {letter.reason}
        </span>
      }
      keep="Not now"
      action="Retry this message"
      tone="primary"
      send={(reason, key) => send('POST', `dead-letters/${letter.id}/retry`, { body: { reason }, key })}
      onDone={() => {
        invalidate('dead-letters');
        invalidate('outbox');
        toast(`${shortId(letter.id)} will be retried.`, {
          href: `/audit?objectId=${letter.id}`,
          label: 'Show in audit log',
        });
      }}
    />
  );
}
