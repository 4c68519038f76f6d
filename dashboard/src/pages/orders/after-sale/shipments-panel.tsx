import type { Order, Shipment } from '../../../api/openapi';
import { Panel } from '../../../components/layout/panel';
import { Empty } from '../../../components/layout/states';
import { type Column, DataTable } from '../../../components/tables/data-table';
import { StatusBadge } from '../../../components/values/badge';
import { Clip, Id, None, When } from '../../../components/values/figures';
import { formatCount } from '../../../formatting/numbers';

const fulfilments: Record<Order['fulfilment'], string> = {
  none: 'nothing has left',
  partial: 'a part has left',
  shipped: 'nothing is left to ship',
};

/** What has left, newest first. */
export function ShipmentsPanel({ order: { shipments, fulfilment } }: { order: Order }) {
  return (
    <Panel title="Shipments" note={fulfilments[fulfilment]} flush>
      <DataTable
        caption="Shipments, newest first"
        columns={columns}
        rows={shipments.toReversed()}
        rowKey={({ id }) => id}
        empty={<Empty title="No shipments yet." />}
      />
    </Panel>
  );
}

const columns: Column<Shipment>[] = [
  { key: 'when', head: 'When', cell: ({ createdAt }) => <When at={createdAt} /> },
  { key: 'id', head: 'Shipment', isHead: true, phone: 'hide', cell: ({ id }) => <Id id={id} /> },
  {
    key: 'goods',
    head: 'Goods',
    cell: ({ lines }) => <Clip text={formatLines(lines)} />,
    phoneNote: ({ reference }) => <Clip text={reference ?? 'no reference'} />,
  },
  {
    key: 'reference',
    head: 'Reference',
    phone: 'hide',
    cell: ({ reference }) => (reference === null ? <None /> : <Clip text={reference} />),
  },
  {
    key: 'status',
    head: 'Status',
    cell: ({ status }) => <StatusBadge kind="shipment" status={status} plain />,
  },
];

/** "2 × TEE-BLACK-M, 1 × MUG". */
export const formatLines = (lines: readonly { sku: string; quantity: number }[]): string =>
  lines.map(({ sku, quantity }) => `${formatCount(quantity)} × ${sku}`).join(', ');
