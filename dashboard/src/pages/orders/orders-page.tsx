import { useMemo } from 'react';
import type { Order } from '../../api/openapi';
import { useApi, useList } from '../../api/use-api';
import { Button } from '../../components/forms/button';
import { Filters, Picker, StatusFilter, TextFilter, ToggleFilter } from '../../components/forms/filters';
import { periods, startOfPeriod } from '../../components/forms/periods';
import { useFilters } from '../../components/forms/use-filters';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import { Panel } from '../../components/layout/panel';
import { Empty, LoadError, Loading } from '../../components/layout/states';
import { type Column, DataTable, ListFoot } from '../../components/tables/data-table';
import { StatusBadge } from '../../components/values/badge';
import { Clip, Id, Money, None, When } from '../../components/values/figures';
import { formatDuration } from '../../formatting/durations';
import { formatCount, plural } from '../../formatting/numbers';
import { capitalize } from '../../formatting/statuses';
import { checkoutSteps, formatStep } from '../../formatting/steps';
import { formatOrderStatus, formatSagaStatus } from './format-status';

/** No stream topic carries all orders, so the list is polled at this interval. */
const refetchMs = 5_000;

/** Which orders are there, and how are they doing? */
export default function OrdersPage() {
  useSetBreadcrumbs({ here: 'Orders' });
  const filters = useFilters();
  const path = useMemo(() => `orders?${queryOf(filters)}`, [filters]);
  const list = useList<Order>(path, { refetchMs });

  return (
    <>
      <OrderFilters />
      <Panel flush>
        {list.error && !list.rows ? (
          <LoadError what="orders" problem={list.error} retry={list.refetch} />
        ) : null}
        {list.loading ? <Loading rows={12} /> : null}
        {list.rows ? (
          <DataTable
            key={path}
            caption="Orders"
            columns={columns}
            rows={list.rows}
            rowKey={(order) => order.id}
            rowHref={(order) => `/orders/${order.id}`}
            live
            empty={<NoOrders />}
            pages={list.pages}
            foot={(shown) => <ListFoot list={list}>Newest first. {formatCount(shown)} shown.</ListFoot>}
          />
        ) : null}
      </Panel>
    </>
  );
}

type FilterState = ReturnType<typeof useFilters>;
const filterNames = ['status', 'sagaStatus', 'step', 'paymentStatus', 'customerId', 'from', 'to'];

/** Filter names are the API's, so a URL is a view. */
function queryOf(filters: FilterState): string {
  const query = new URLSearchParams({ limit: '50' });
  for (const name of filterNames) {
    const value = filters.get(name);
    if (value) query.set(name, value);
  }
  const from = startOfPeriod(filters.get('since'));
  if (from) query.set('from', from);
  return query.toString();
}

const options = (values: readonly string[], labelOf: (value: string) => string) =>
  values.map((value) => ({ value, label: labelOf(value) }));

const statuses = options(['pending', 'placed', 'rejected', 'cancelled', 'refunded'], capitalize);
const sagaStatuses = options(['running', 'stuck', 'compensating', 'compensated', 'completed'], capitalize);
const steps = options(checkoutSteps, formatStep);

function OrderFilters() {
  const filters = useFilters();
  const several = (name: string) => ({
    chosen: filters.all(name),
    onChange: (chosen: string[]) => filters.set({ [name]: chosen }),
  });
  return (
    <Filters>
      <StatusFilter label="Order status" options={statuses} {...several('status')} />
      <StatusFilter label="Saga status" options={sagaStatuses} {...several('sagaStatus')} />
      <StatusFilter label="Step" options={steps} {...several('step')} />
      <ToggleFilter
        label="Payment unknown"
        on={filters.get('paymentStatus') === 'unknown'}
        onChange={(on) => filters.set({ paymentStatus: on ? 'unknown' : null })}
      />
      <TextFilter
        label="Customer"
        value={filters.get('customerId')}
        onChange={(customerId) => filters.set({ customerId })}
      />
      <Picker
        label="Created"
        value={filters.get('since') ?? 'all'}
        options={periods}
        onChange={(since) => filters.set({ since: since === 'all' ? null : since })}
      />
    </Filters>
  );
}

function NoOrders() {
  const filters = useFilters();
  const { data } = useApi<{ data: Order[] }>('orders?limit=1', { enabled: filters.count === 0 });
  if (filters.count === 0 || data?.data.length === 0)
    return <Empty title="No orders yet. New orders appear here automatically." />;
  return (
    <Empty
      title={`No order matches. ${plural(filters.count, 'filter is', 'filters are')} set.`}
      action={<Button onClick={filters.clear}>Clear filters</Button>}
    />
  );
}

const columns: Column<Order>[] = [
  { key: 'created', head: 'Created', cell: ({ createdAt }) => <When at={createdAt} /> },
  {
    key: 'order',
    head: 'Order',
    isHead: true,
    cell: ({ id }) => <Id id={id} href={`/orders/${id}`} />,
    phoneNote: ({ customerId }) => <Clip text={customerId} />,
  },
  {
    key: 'status',
    head: 'Status',
    cell: (order) => <StatusBadge kind="order" status={order.status} text={formatOrderStatus(order)} />,
  },
  {
    key: 'saga',
    head: 'Saga',
    phone: 'hide',
    cell: ({ saga }) => <StatusBadge kind="saga" status={saga.status} text={formatSagaStatus(saga)} plain />,
  },
  {
    key: 'payment',
    head: 'Payment',
    phone: 'hide',
    cell: ({ payment }) => <StatusBadge kind="payment" status={payment.status} plain />,
  },
  { key: 'total', head: 'Total', align: 'end', cell: ({ total }) => <Money of={total} /> },
  {
    key: 'customer',
    head: 'Customer',
    phone: 'hide',
    cell: ({ customerId }) => <Clip text={customerId} code />,
  },
  {
    key: 'lines',
    head: 'Lines',
    phone: 'hide',
    cell: ({ lines }) => <Clip text={formatLines(lines)} wide />,
  },
  { key: 'took', head: 'Took', align: 'end', phone: 'hide', cell: (order) => tookOf(order) ?? <None /> },
];

const formatLines = (lines: Order['lines']) =>
  lines
    .map(({ sku, quantity }) => `${formatCount(quantity)} × ${sku}`)
    .slice(0, 2)
    .join(', ') + (lines.length > 2 ? ` + ${lines.length - 2} more` : '');

const tookOf = ({ createdAt, endedAt }: Order): string | null =>
  endedAt === null ? null : formatDuration(Date.parse(endedAt) - Date.parse(createdAt));
