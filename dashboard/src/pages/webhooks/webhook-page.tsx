import { useState } from 'react';
import { useParams } from 'wouter';
import { send } from '../../api/client';
import type { AdminWebhookEndpoint, WebhookDelivery } from '../../api/openapi';
import { useApi, useInvalidate, useList } from '../../api/use-api';
import { ConfirmDialog } from '../../components/dialogs/confirm-dialog';
import { useToast } from '../../components/feedback/toasts';
import { ActionButton } from '../../components/forms/button';
import { Picker } from '../../components/forms/filters';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import page from '../../components/layout/page.module.css';
import { Panel } from '../../components/layout/panel';
import { Empty, Facts, LoadError, Loading } from '../../components/layout/states';
import { type Column, DataTable, ListFoot } from '../../components/tables/data-table';
import { Badge } from '../../components/values/badge';
import { Clip, Id, None, When } from '../../components/values/figures';
import { formatAge } from '../../formatting/durations';
import { shortId } from '../../formatting/ids';
import { plural } from '../../formatting/numbers';
import type { BadgeStyle } from '../../formatting/statuses';
import { badgeOf, failureOf } from './endpoint-status';
import styles from './webhook-page.module.css';

const refetchMs = 3_000;

/** What has this receiver taken, and what not? */
export default function WebhookPage() {
  const { id = '' } = useParams<{ id: string }>();
  useSetBreadcrumbs({
    here: shortId(id),
    trail: [{ label: 'Webhooks', href: '/webhooks' }],
    heading: false,
  });
  const { data, error, loading, refetch } = useApi<AdminWebhookEndpoint>(`webhook-endpoints/${id}`, {
    refetchMs,
  });
  if (error && !data) return <LoadError what="this webhook endpoint" problem={error} retry={refetch} />;
  if (loading || !data) return <Loading rows={8} />;
  return (
    <div className={page.stack}>
      <header className={page.head}>
        <div>
          <h1 className={page.title}>
            <span className={styles.url}>{data.url}</span>
          </h1>
          <p className={page.facts}>
            <Badge badge={badgeOf(data)} />
            <Id id={data.id} full copy />
            <Clip text={data.principal} />
          </p>
        </div>
        <Acts endpoint={data} />
      </header>
      <Panel title="Facts">
        <Facts items={factsOf(data)} />
      </Panel>
      <Deliveries id={id} />
    </div>
  );
}

function factsOf(endpoint: AdminWebhookEndpoint): [React.ReactNode, React.ReactNode][] {
  const { types, description, behindSeconds, waiting, lastDeliveredAt, lastFailure, replay } = endpoint;
  return [
    ['Types', types === null ? 'all' : types.join(', ')],
    ['Description', description ?? <None />],
    ['Behind', behindSeconds === 0 ? <None>up to date</None> : formatAge(behindSeconds)],
    [
      'Waiting',
      waiting === 0 ? (
        <None>nothing</None>
      ) : (
        plural(waiting, 'order or reservation', 'orders or reservations')
      ),
    ],
    ['Last taken', lastDeliveredAt ? <When at={lastDeliveredAt} /> : <None>never</None>],
    ['Last failure', lastFailure ? failureOf(lastFailure) : <None />],
    ['Replay', replay ? `${replay.status}, ${plural(replay.sent, 'event')} sent` : <None />],
  ];
}

type Act = 'test' | 'replay' | 'disable' | 'enable';

const hours: Record<string, number> = { hour: 1, day: 24, week: 168, month: 720 };
const spans = [
  { value: 'hour', label: 'of the last hour' },
  { value: 'day', label: 'of the last day' },
  { value: 'week', label: 'of the last 7 days' },
  { value: 'month', label: 'of the last 30 days' },
];

function Acts({ endpoint }: { endpoint: AdminWebhookEndpoint }) {
  const [act, setAct] = useState<Act | null>(null);
  const isEnabled = endpoint.status === 'enabled';
  return (
    <div className={styles.acts}>
      <ActionButton onClick={() => setAct('test')}>Send a test</ActionButton>
      {isEnabled ? <ActionButton onClick={() => setAct('replay')}>Replay</ActionButton> : null}
      <ActionButton
        tone={isEnabled ? 'danger' : 'primary'}
        onClick={() => setAct(isEnabled ? 'disable' : 'enable')}
      >
        {isEnabled ? 'Disable' : 'Enable'}
      </ActionButton>
      {act ? <ActDialog act={act} endpoint={endpoint} onClose={() => setAct(null)} /> : null}
    </div>
  );
}

const words: Record<Act, { title: string; action: string; keep: string; done: string; says: string }> = {
  test: {
    title: 'Send a test event?',
    action: 'Send a test',
    keep: 'Not now',
    done: 'A test was sent',
    says: 'One try of webhook.test, which is in no feed. If it is taken, what waits is sent at once.',
  },
  replay: {
    title: 'Send old events again?',
    action: 'Replay',
    keep: 'Not now',
    done: 'The replay has begun',
    says: 'The receiver gets them beside the new ones, and knows them by their ids.',
  },
  disable: {
    title: 'Disable this endpoint?',
    action: 'Disable',
    keep: 'Keep it enabled',
    done: 'The endpoint is disabled',
    says: 'Nothing more is sent, and its shop cannot enable it. Events are kept, and sent once it is enabled.',
  },
  enable: {
    title: 'Enable this endpoint?',
    action: 'Enable',
    keep: 'Leave it disabled',
    done: 'The endpoint is enabled',
    says: 'It goes on where it stopped, or at the oldest event that is kept.',
  },
};

function ActDialog({
  act,
  endpoint,
  onClose,
}: {
  act: Act;
  endpoint: AdminWebhookEndpoint;
  onClose: () => void;
}) {
  const [span, setSpan] = useState('day');
  const invalidate = useInvalidate();
  const toast = useToast();
  const { title, action, keep, done, says } = words[act];
  const bodyWith = (reason: string) =>
    act === 'replay'
      ? { reason, from: new Date(Date.now() - hours[span]! * 3_600_000).toISOString() }
      : { reason };
  return (
    <ConfirmDialog<AdminWebhookEndpoint | WebhookDelivery>
      open
      onClose={onClose}
      title={title}
      note={<Clip text={endpoint.url} wide />}
      keep={keep}
      action={action}
      tone={act === 'disable' ? 'danger' : 'primary'}
      send={(reason, key) =>
        send('POST', `webhook-endpoints/${endpoint.id}/${act}`, { body: bodyWith(reason), key })
      }
      onDone={(answer) => {
        invalidate('webhook-endpoints');
        invalidate('review?');
        const what = 'attempts' in answer ? resultOf(answer) : `${done}.`;
        toast(`${shortId(endpoint.id)}: ${what}`, {
          href: `/audit?objectId=${endpoint.id}`,
          label: 'Show in audit log',
        });
      }}
    >
      <p>{says}</p>
      {act === 'replay' ? <Picker label="Events" value={span} options={spans} onChange={setSpan} /> : null}
    </ConfirmDialog>
  );
}

const resultOf = (tried: WebhookDelivery): string =>
  tried.status === 'delivered' ? 'the test was taken.' : `the test was not taken: ${failureOf(tried)}.`;

const deliveryBadges: Record<WebhookDelivery['status'], BadgeStyle> = {
  delivered: { shape: 'done', tone: 'ok', label: 'Taken' },
  waiting: { shape: 'half', tone: 'warn', label: 'Waiting' },
  given_up: { shape: 'dead', tone: 'bad', label: 'Given up' },
};

function Deliveries({ id }: { id: string }) {
  const list = useList<WebhookDelivery>(`webhook-endpoints/${id}/deliveries?limit=50`, { refetchMs });
  return (
    <Panel title="Deliveries" note="what waits, what was given up, and the last 100 taken" flush>
      {list.rows ? (
        <DataTable
          caption="What became of each event"
          columns={columns}
          rows={list.rows}
          rowKey={(row) => row.id}
          empty={<Empty title="Nothing was sent yet." />}
          foot={(shown) => (
            <ListFoot list={list}>{plural(shown, 'delivery', 'deliveries')} shown, newest first</ListFoot>
          )}
        />
      ) : list.error ? (
        <LoadError what="the deliveries" problem={list.error} retry={list.refetch} />
      ) : (
        <Loading rows={5} />
      )}
    </Panel>
  );
}

const columns: Column<WebhookDelivery>[] = [
  { key: 'at', head: 'When', cell: ({ createdAt }) => <When at={createdAt} /> },
  { key: 'event', head: 'Event', isHead: true, cell: ({ eventId }) => <Id id={eventId} copy /> },
  { key: 'type', head: 'Type', cell: ({ type }) => <code>{type}</code> },
  { key: 'status', head: 'Status', cell: ({ status }) => <Badge plain badge={deliveryBadges[status]} /> },
  { key: 'answer', head: 'Answer', cell: (row) => failureOf(row) },
  { key: 'attempts', head: 'Tries', align: 'end', phone: 'hide', cell: ({ attempts }) => attempts },
  {
    key: 'next',
    head: 'Next try',
    phone: 'hide',
    cell: ({ nextAttemptAt }) => (nextAttemptAt ? <When at={nextAttemptAt} /> : <None />),
  },
];
