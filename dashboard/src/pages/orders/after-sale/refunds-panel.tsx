import type { Order, Refund } from '../../../api/openapi';
import { Panel } from '../../../components/layout/panel';
import { Empty } from '../../../components/layout/states';
import { type Column, DataTable } from '../../../components/tables/data-table';
import { StatusBadge } from '../../../components/values/badge';
import { Clip, Money, When } from '../../../components/values/figures';
import { formatMoney } from '../../../formatting/money';
import { formatLines } from './shipments-panel';

/** Refunds in part, newest first. A refund of the whole order is in the payment alone. */
export function RefundsPanel({ order: { refunds, payment } }: { order: Order }) {
  const { refundedAmount, capturedAmount } = payment;
  return (
    <Panel
      title="Refunds in part"
      note={`${formatMoney(refundedAmount)} of ${formatMoney(capturedAmount)} refunded`}
      flush
    >
      <DataTable
        caption="Refunds in part, newest first"
        columns={columns}
        rows={refunds.toReversed()}
        rowKey={({ id }) => id}
        empty={<Empty title="No refunds in part yet." />}
      />
    </Panel>
  );
}

const formatGoods = ({ lines }: Refund): string => (lines === null ? 'an amount' : formatLines(lines));

const columns: Column<Refund>[] = [
  { key: 'when', head: 'When', cell: ({ createdAt }) => <When at={createdAt} /> },
  {
    key: 'amount',
    head: 'Amount',
    align: 'end',
    isHead: true,
    cell: ({ amount }) => <Money of={amount} />,
    phoneNote: (refund) => <Clip text={`${formatGoods(refund)}: ${refund.reason}`} />,
  },
  { key: 'goods', head: 'Goods', phone: 'hide', cell: (refund) => <Clip text={formatGoods(refund)} /> },
  {
    key: 'status',
    head: 'Status',
    cell: ({ status }) => <StatusBadge kind="refund" status={status} plain />,
  },
  { key: 'reason', head: 'Reason', phone: 'hide', cell: ({ reason }) => <Clip text={reason} /> },
];
