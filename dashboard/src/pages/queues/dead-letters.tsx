import { useState } from 'react';
import { send } from '../../api/client';
import type { DeadLetter } from '../../api/shapes/review';
import { useList, useRefresh } from '../../api/use-api';
import { ActDialog } from '../../parts/act-dialog';
import { Badge } from '../../parts/badge';
import { ActButton } from '../../parts/button';
import { type Column, DataTable, ListFoot } from '../../parts/data-table';
import { Clip, Id, When } from '../../parts/figures';
import { Panel } from '../../parts/panel';
import { Empty, Loading, Trouble } from '../../parts/states';
import { useToast } from '../../parts/toasts';
import { pageOf, shortId } from '../../words/ids';
import { plural } from '../../words/numbers';
import styles from './queues.module.css';

/** Messages that no try could apply. Nothing else waits for them, and nothing is lost: each can be tried again. */
export function DeadLetters() {
  const list = useList<DeadLetter>('dead-letters', { refetchMs: 10_000 });
  const [letter, setLetter] = useState<DeadLetter | null>(null);
  const columns: Column<DeadLetter>[] = [
    { key: 'died', head: 'Died', cell: ({ diedAt }) => <When at={diedAt} /> },
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
        <ActButton small aria-label={`Retry ${row.id}`} onClick={() => setLetter(row)}>
          Retry
        </ActButton>
      ),
    },
  ];
  return (
    <Panel title="Dead letters" note="tried until the attempts were spent" flush>
      {list.rows ? (
        <DataTable
          caption="Dead letters"
          columns={columns}
          rows={list.rows}
          rowKey={({ id }) => id}
          empty={
            <Empty title="No dead letters.">
              <Badge plain kind="promise" status="holds" text="Every message was applied or is on its way" />
            </Empty>
          }
          foot={(shown) => <ListFoot list={list}>{plural(shown, 'dead letter')} shown</ListFoot>}
        />
      ) : list.trouble ? (
        <Trouble what="the dead letters" problem={list.trouble} again={list.again} />
      ) : (
        <Loading rows={3} />
      )}
      {letter && <RetryDialog letter={letter} onClose={() => setLetter(null)} />}
    </Panel>
  );
}

function About({ id }: { id: string }) {
  const href = pageOf(id);
  return <Id id={id} href={href ?? undefined} />;
}

function RetryDialog({ letter, onClose }: { letter: DeadLetter; onClose: () => void }) {
  const refresh = useRefresh();
  const toast = useToast();
  return (
    <ActDialog
      open
      onClose={onClose}
      title={`Retry ${letter.type}?`}
      note={
        <span className={styles.plain}>
          {shortId(letter.id)}, {plural(letter.attempts, 'attempt')} so far: {letter.reason}
        </span>
      }
      keep="Leave it"
      act="Retry this message"
      tone="primary"
      send={(reason, key) => send('POST', `dead-letters/${letter.id}/retry`, { body: { reason }, key })}
      onDone={() => {
        refresh('dead-letters');
        refresh('outbox');
        toast(`${shortId(letter.id)} is tried again.`, {
          href: `/audit?objectId=${letter.id}`,
          label: 'See audit',
        });
      }}
    />
  );
}
