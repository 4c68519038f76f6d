import type { AdminWebhookEndpoint } from '../../api/openapi';
import { useList } from '../../api/use-api';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import { Panel } from '../../components/layout/panel';
import { Empty, LoadError, Loading } from '../../components/layout/states';
import { type Column, DataTable, ListFoot } from '../../components/tables/data-table';
import { Badge } from '../../components/values/badge';
import { Clip, Count, Id, None, When } from '../../components/values/figures';
import { formatAge } from '../../formatting/durations';
import { plural } from '../../formatting/numbers';
import { badgeOf, failureOf } from './endpoint-status';

const refetchMs = 5_000;

/** Does every shop hear of its orders? */
export default function WebhooksPage() {
  useSetBreadcrumbs({ here: 'Webhooks' });
  const list = useList<AdminWebhookEndpoint>('webhook-endpoints', { refetchMs });
  return (
    <Panel title="Webhook endpoints" note="of all shops" flush>
      {list.rows ? (
        <DataTable
          caption="Endpoints of all shops"
          columns={columns}
          rows={list.rows}
          rowKey={({ id }) => id}
          empty={<Empty title="No shop has a webhook endpoint." />}
          foot={(shown) => <ListFoot list={list}>{plural(shown, 'endpoint')} shown, oldest first</ListFoot>}
        />
      ) : list.error ? (
        <LoadError what="the webhook endpoints" problem={list.error} retry={list.refetch} />
      ) : (
        <Loading rows={5} />
      )}
    </Panel>
  );
}

const columns: Column<AdminWebhookEndpoint>[] = [
  { key: 'id', head: 'Endpoint', isHead: true, cell: ({ id }) => <Id id={id} href={`/webhooks/${id}`} /> },
  { key: 'shop', head: 'Shop', cell: ({ principal }) => <Clip text={principal} /> },
  { key: 'status', head: 'Status', cell: (endpoint) => <Badge plain badge={badgeOf(endpoint)} /> },
  {
    key: 'behind',
    head: 'Behind',
    align: 'end',
    cell: ({ behindSeconds }) => (behindSeconds === 0 ? <None>up to date</None> : formatAge(behindSeconds)),
  },
  {
    key: 'waiting',
    head: 'Waiting',
    align: 'end',
    phone: 'hide',
    cell: ({ waiting }) => <Count n={waiting} />,
  },
  {
    key: 'failure',
    head: 'Last failure',
    phone: 'hide',
    cell: ({ lastFailure }) => (lastFailure ? failureOf(lastFailure) : <None />),
  },
  {
    key: 'delivered',
    head: 'Last taken',
    phone: 'hide',
    cell: ({ lastDeliveredAt }) => (lastDeliveredAt ? <When at={lastDeliveredAt} /> : <None>never</None>),
  },
  { key: 'url', head: 'URL', phone: 'hide', cell: ({ url }) => <Clip text={url} wide /> },
];
